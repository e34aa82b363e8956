# SPDX-License-Identifier: Apache-2.0
# callerd: tells who called the Docker daemon. `make help` lists what there is.

VERSION := 0.1.0
B ?= build
CC ?= gcc
CLANG ?= clang
# Not in the PATH of ordinary users.
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
CI ?=

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter -Wno-missing-field-initializers \
	-Wformat=2 -Wvla $(if $(CI),-Werror)
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
CPPFLAGS := -Iinclude -Iuser -I$(B) -D_GNU_SOURCE -DCALLERD_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
COMPILE := -std=gnu11 $(WARN) $(CPPFLAGS)
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LIBS := -lbpf -lelf -lz -linih -lsqlite3 -lpcre2-8 -lssl -lcrypto -lpthread

# The rooms of user/, from the ground up: tests/rooms is the map.
ROOMS := $(shell sed 's/\#.*//' tests/rooms)
sources = $(wildcard $(patsubst %,user/%/*.c,$(1)))

# The library: no I/O, no clock, no libbpf.
LIB_ROOMS := base secret process http json record conversation docker/known docker/host docker/judge docker/api \
	docker/cause docker/call format chain
OUTPUT_ROOMS := output/store output output/file output/syslog
LIB_SRC := $(call sources,$(LIB_ROOMS))
SINK_SRC := $(call sources,$(OUTPUT_ROOMS))
AGENT_SRC := $(call sources,$(filter-out $(LIB_ROOMS),$(ROOMS)))
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
CLIENT_SRC := $(wildcard tests/clients/*.c)

LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
AGENT_OBJ := $(AGENT_SRC:%.c=$(B)/%.o)
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/%.skel.h)
CLIENTS := $(CLIENT_SRC:tests/clients/%.c=$(B)/clients/%)

all: $(B)/callerd $(B)/replay ## build callerd and its tools

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST)

# --- the kernel programs -------------------------------------------------------------------------
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wno-unused-function -Iinclude -D__TARGET_ARCH_x86 \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch) $(if $(CI),-Werror)

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/callerd/event.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $(B)/$*.full.o
	$(BPFTOOL) gen object $@ $(B)/$*.full.o

$(B)/%.skel.h: $(B)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user space ----------------------------------------------------------------------------------
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(HARDEN) $(CFLAGS) -MMD -MP -c $< -o $@

$(AGENT_OBJ): | $(SKEL)

$(B)/libcallerd.a: $(LIB_OBJ)
	$(AR) rcs $@ $^

$(B)/callerd: $(AGENT_OBJ) $(B)/libcallerd.a
	$(CC) $(LDFLAGS) $^ -o $@ $(LIBS)

OUTPUT_OBJ := $(SINK_SRC:%.c=$(B)/%.o) $(patsubst %,$(B)/user/agent/%.o,outputs output output_parse)

$(B)/replay: $(B)/tools/replay.o $(OUTPUT_OBJ) $(B)/libcallerd.a
	$(CC) $(LDFLAGS) $^ -o $@ -lpcre2-8 -lz -lssl -lcrypto -lpthread

clients: $(CLIENTS) ## build the test clients
$(B)/clients/%: tests/clients/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -Iinclude -Iuser -Wall -Wextra -O2 -g $< -o $@ -lpthread

# --- tests ---------------------------------------------------------------------------------------
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
SAN_OBJ := $(LIB_SRC:%.c=$(B)/san/%.o)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

$(B)/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(SAN) -MMD -MP -c $< -o $@

# Archives: a test that includes a source has that one's symbols already.
# What sources of the agent that tests include call in others of it.
$(B)/san/libcallerd.a: $(SAN_OBJ)
	$(AR) rcs $@ $^

$(B)/san/libsink.a: $(patsubst %.c,$(B)/san/%.o,$(SINK_SRC) $(patsubst %,user/%.c,base/beside host/daemon host/user_names))
	$(AR) rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/san/libsink.a $(B)/san/libcallerd.a Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(SAN) -Wno-missing-prototypes -MMD -MP $< $(B)/san/libsink.a $(B)/san/libcallerd.a -o $@ \
		-lcmocka -ljansson -linih -lsqlite3 -lpcre2-8 -lz -lssl -lcrypto -lpthread

FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
FUZZ_SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_OBJ := $(LIB_SRC:%.c=$(B)/fuzzed/%.o)

$(B)/fuzzed/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE) $(FUZZ_SAN) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(B)/fuzzed/libsink.a: $(SINK_SRC:%.c=$(B)/fuzzed/%.o)
	$(AR) rcs $@ $^

$(B)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ) $(B)/fuzzed/libsink.a Makefile
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE) $(FUZZ_SAN) -fsanitize=fuzzer -MMD -MP $< $(FUZZ_OBJ) $(B)/fuzzed/libsink.a -o $@ \
		-linih -lsqlite3 -lpcre2-8 -lz -lssl -lcrypto -lpthread

.SECONDARY:

unit: $(UNIT)
fuzzers: $(FUZZ)

check: $(UNIT) $(FUZZ) $(B)/replay ## unit and golden tests, fuzz corpora; no root, no daemon
	tests/run check

check-live: all clients ## the real Docker daemon on this kernel; root
	tests/run live

check-vm: all clients ## the same in virtual machines with other kernels; root
	tests/run vm

test: ## install what is missing, build, run every test
	tools/install-deps build demo test
	$(MAKE) -j$$(nproc) all clients unit fuzzers
	tests/run check live vm

demo: ## install what is missing, build, show the main job on real calls
	tools/install-deps build demo
	$(MAKE) -j$$(nproc) all
	tools/demo

FUZZ_SECONDS ?= 60
fuzz: $(FUZZ) ## run each fuzz target for FUZZ_SECONDS
	@mkdir -p $(B)/fuzz-corpus
	@for target in $(FUZZ); do \
		name=$${target##*/fuzz_}; mkdir -p $(B)/fuzz-corpus/$$name; \
		$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			$(B)/fuzz-corpus/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

$(B)/bench_call: $(B)/tests/bench_call.o $(B)/libcallerd.a
	$(CC) $(LDFLAGS) $^ -o $@ -lpcre2-8

bench: all clients $(B)/bench_call ## cost per request, with and without callerd; root
	tests/bench
	tests/bench-outputs

# --- care ----------------------------------------------------------------------------------------
C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
SHELL_FILES := tools/install-deps tools/testbed tools/demo tools/unpack tools/vm/run tools/vm/guest-init \
	tests/run tests/bench tests/bench-outputs tests/sizes tests/live/run tests/live/vm tests/golden/run tests/golden/record

format: ## rewrite the C files as .clang-format says
	clang-format -i $(C_FILES)

lint: $(SKEL) ## the order of rooms, clang-format, clang-tidy, cppcheck, shellcheck
	tests/check-rooms
	clang-format --dry-run -Werror $(C_FILES)
	clang-tidy --quiet --warnings-as-errors='*' $(LIB_SRC) $(AGENT_SRC) tools/replay.c -- $(COMPILE) 2>/dev/null
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem --suppress=selfAssignment --suppress=uninitvar \
		'-DLIBBPF_OPTS(type,name,...)=struct type name' -Iinclude -Iuser user tools
	shellcheck --external-sources --exclude=SC1091 $(SHELL_FILES)

coverage: ## line coverage of the library by the unit tests, per file
	$(MAKE) B=$(B)/coverage SAN="--coverage -O0 -g" unit
	@for test in $(B)/coverage/unit/test_*; do [ ! -x $$test ] || $$test >/dev/null 2>&1 || true; done
	@cd $(B)/coverage && find . -name '*.gcda' -path './san/*' | xargs gcov -n 2>/dev/null | \
		awk '/^File .*user/ {f=$$2} /^Lines/ && f {print f, $$0; f=""}' | sort

PREFIX ?= /usr/local
install: all ## into $(DESTDIR)$(PREFIX)
	install -D -m 755 $(B)/callerd $(DESTDIR)$(PREFIX)/sbin/callerd
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/callerd/LICENSE
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/callerd/README.md

.PHONY: all help clients unit fuzzers check check-live check-vm test demo fuzz bench format lint coverage install clean
-include $(shell find $(B) -name '*.d' -type f -not -path '$(B)/vm/*' 2>/dev/null)

clean: ## remove what was built, but not the kernels of the virtual machines
	rm -rf $(filter-out $(B)/vm,$(wildcard $(B)/*))
