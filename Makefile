# SPDX-License-Identifier: Apache-2.0
# callerd: tells who called the Docker daemon. `make help` lists what there is.

VERSION := 0.1.0
B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
# Not in the PATH of ordinary users.
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
CI ?=

# The rooms of user/, from the ground up: tests/rooms is the map.
ROOMS := $(shell sed 's/\#.*//' tests/rooms)

SRC := $(wildcard $(ROOMS:%=user/%/*.c))
MAIN_SRC := user/agent/main.c user/ctl/callerctl.c
SKEL_USER_SRC := $(shell grep -l '^\#include ".*\.skel\.h"' $(SRC))
BPF_SRC := $(wildcard bpf/*.bpf.c)
TOOL_SRC := tools/replay.c tests/bench/call.c tests/bench/spool.c
CLIENT_SRC := $(wildcard tests/clients/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/%.skel.h)
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAIN_SRC),$(SRC)))
CLIENTS := $(CLIENT_SRC:tests/clients/%.c=$(B)/clients/%)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
# Unit tests and fuzz targets share these. No test loads a kernel program.
SAN_OBJ := $(patsubst %.c,$(B)/san/%.o,$(filter-out $(MAIN_SRC) $(SKEL_USER_SRC),$(SRC)))

# --- flags ---------------------------------------------------------------------------------------
# CC, CPPFLAGS, CFLAGS and LDFLAGS from the environment or the command line are added behind what the build needs.
# CFLAGS are not for the kernel programs, the unit tests and the fuzz targets, which have a compiler of their own.
CFLAGS ?= -O2 -g

# $(call accepted,FLAGS): FLAGS, if the compiler takes them on this machine.
accepted = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter -Wno-missing-field-initializers \
	-Wformat=2 -Wvla $(if $(CI),-Werror)
# Characters are signed on every processor.
BASE := -std=gnu11 -fsigned-char $(WARN) -Iinclude -Iuser -I$(B) -D_GNU_SOURCE -DCALLERD_VERSION='"$(VERSION)"' $(CPPFLAGS)

# The level of _FORTIFY_SOURCE may be given from outside; the C library warns of any without optimization.
FORTIFY := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,$(if \
	$(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS)))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3))
# Some flags exist only on some processors. Clang before 16 zeroes variables only with the second flag.
HARDEN := -fPIE -fstack-protector-strong $(FORTIFY) $(call accepted,-fstack-clash-protection) $(call accepted,-fcf-protection) \
	$(or $(call accepted,-ftrivial-auto-var-init=zero),$(call accepted,-ftrivial-auto-var-init=zero \
	-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang))
COMPILE := $(CC) $(BASE) $(HARDEN) $(CFLAGS)
LINK := $(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIBS := -lbpf -lelf -lz -lnghttp2 -lyaml -lsqlite3 -lseccomp -lpcre2-8 -lssl -lcrypto -lpthread $(LDLIBS)
# Of callerctl alone.
CTL_LIBS := -lncursesw

# Unit tests and fuzz targets share their objects, and only clang has libFuzzer. `make fuzz` builds objects of its own, with
# what guides libFuzzer: with it unit tests take three times as long.
SAN_CC ?= $(CLANG)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
TEST_WARN := -Wno-missing-prototypes
# Limits of sealfile.c, smaller than callerd's: to reach those takes seconds.
TEST_LIMITS := -DTAIL_MIN=1024ull -DTAIL_MAX=4194304ull -DWORK_MAX=20000
SAN_COMPILE := $(SAN_CC) $(BASE) $(TEST_LIMITS) -U_FORTIFY_SOURCE $(SAN)
SAN_LINK := $(SAN_CC) $(SAN) -Wl,--as-needed $(LDFLAGS)

# The processor that is built for, as the kernel programs know it: that of CC.
TARGET := $(patsubst aarch64%,arm64,$(patsubst x86_64%,x86,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))
# Where clang finds the headers of this machine's kernel, which it does not know for BPF.
SYSTEM_INCLUDES := $(shell $(CLANG) -v -E - </dev/null 2>&1 | sed -n '/^\#include <...>/,/^End/s/^ /-idirafter /p')
BPF_COMPILE := $(CLANG) -target bpf -mcpu=v3 -O2 -g -fdebug-compilation-dir=. -Wall -Wno-unused-function -Iinclude -D__TARGET_ARCH_$(TARGET) \
	$(SYSTEM_INCLUDES) $(if $(CI),-Werror)

# $(B)/words/NAME holds the words of the variable NAME. It is written anew when they are others, and what they make depends on it.
# GNU make 4.3 leaves the line feed of some files there.
same = $(and $(findstring <$(1)>,<$(2)>),$(findstring <$(2)>,<$(1)>))
quote = '$(subst ','\'',$(1))'
$(foreach name,COMPILE LINK LIBS CTL_LIBS SAN_COMPILE SAN_LINK BPF_COMPILE LIB_OBJ SAN_OBJ,$(if \
	$(call same,$(strip $(file <$(B)/words/$(name))),$(strip $($(name)))),,$(eval $(B)/words/$(name): FORCE)))
.PHONY: FORCE
$(B)/words/%:
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$($*)) >$@

.DEFAULT_GOAL := all
all: $(B)/callerd $(B)/callerctl $(B)/replay ## build callerd and its tools

help: ## list the targets
	@sed -n 's/^\([a-z_.-]*\):.*## /\1: /p' $(firstword $(MAKEFILE_LIST))

# --- the kernel programs -------------------------------------------------------------------------
$(B)/%.bpf.o: bpf/%.bpf.c $(B)/words/BPF_COMPILE
	@mkdir -p $(@D)
	$(BPF_COMPILE) -MMD -MP -MT $@ -MF $(B)/$*.bpf.d -c $< -o $(B)/$*.full.o
	$(BPFTOOL) gen object $@ $(B)/$*.full.o

$(B)/%.skel.h: $(B)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user space ----------------------------------------------------------------------------------
$(B)/%.o: %.c $(B)/words/COMPILE
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c $< -o $@

$(SKEL_USER_SRC:%.c=$(B)/%.o): | $(SKEL)

# A program takes only the objects that it needs from an archive, and a thin one holds but their names.
$(B)/libcallerd.a: $(LIB_OBJ) $(B)/words/LIB_OBJ
	@rm -f $@
	$(AR) qcsT $@ $(LIB_OBJ)

LINK_THIS = $(LINK) $(filter-out $(B)/words/%,$^) -o $@ $(LIBS)

$(B)/callerd: $(B)/user/agent/main.o $(B)/libcallerd.a $(B)/words/LINK $(B)/words/LIBS
	$(LINK_THIS)

$(B)/callerctl: $(B)/user/ctl/callerctl.o $(B)/libcallerd.a $(B)/words/LINK $(B)/words/LIBS $(B)/words/CTL_LIBS
	$(LINK_THIS) $(CTL_LIBS)

$(B)/replay: $(B)/tools/replay.o $(B)/libcallerd.a $(B)/words/LINK $(B)/words/LIBS
	$(LINK_THIS)

# callerd with an attacker in it: tests/live/attacks/test_exploited.py.
$(B)/exploited: $(B)/tests/exploited.o $(B)/user/agent/main.o $(B)/libcallerd.a $(B)/words/LINK $(B)/words/LIBS
	$(LINK_THIS) -Wl,--wrap=route_find

$(B)/bench_%: $(B)/tests/bench/%.o $(B)/libcallerd.a $(B)/words/LINK $(B)/words/LIBS
	$(LINK_THIS)

clients: $(CLIENTS) $(B)/exploited ## build the test clients
$(B)/clients/http1_verdict: $(B)/libcallerd.a
$(B)/clients/%: $(B)/tests/clients/%.o $(B)/words/LINK $(B)/words/LIBS
	@mkdir -p $(@D)
	$(LINK_THIS)

# --- tests ---------------------------------------------------------------------------------------
$(B)/san/%.o: %.c $(B)/words/SAN_COMPILE
	@mkdir -p $(@D)
	$(SAN_COMPILE) -MMD -MP -c $< -o $@

$(B)/san/tests/%.o: private SAN_COMPILE += $(TEST_WARN)

$(B)/san/libcallerd.a: $(SAN_OBJ) $(B)/words/SAN_OBJ
	@rm -f $@
	$(AR) qcsT $@ $(SAN_OBJ)

# A test that defines __wrap_NAME() replaces NAME(), of the C library or of callerd, in all that it is linked with.
# __real_NAME() is the function itself.
WRAP = $(shell nm $< | sed -n 's/.* T __wrap_/-Wl,--wrap=/p')

$(B)/unit/%: $(B)/san/tests/unit/%.o $(B)/san/libcallerd.a $(B)/words/SAN_LINK $(B)/words/LIBS
	@mkdir -p $(@D)
	$(SAN_LINK) $(WRAP) $(filter-out $(B)/words/%,$^) -o $@ -lcmocka -ljansson $(LIBS)

$(B)/fuzz/%: $(B)/san/tests/fuzz/%.o $(B)/san/libcallerd.a $(B)/words/SAN_LINK $(B)/words/LIBS
	@mkdir -p $(@D)
	$(SAN_LINK) -fsanitize=fuzzer $(WRAP) $(filter-out $(B)/words/%,$^) -o $@ $(LIBS)

.SECONDARY:
.DELETE_ON_ERROR:

unit: $(UNIT) ## build the unit tests
fuzzers: $(FUZZ) ## build the fuzz targets

check: all unit fuzzers ## the order of rooms, unit and golden tests, fuzz corpora; no root, no daemon
	tests/run check

check-live: all clients ## the real Docker daemon on this kernel; root
	tests/run live

check-vm: all clients ## the same in virtual machines with other kernels; root
	tests/run vm

test-engines: all clients ## Docker and Podman of all of Debian's suites; root, half an hour
	tests/run live_engines

check-arm64: ## callerd of arm64 in a virtual machine, on both backends; root
	tools/install-deps build arm64
	tests/arm64

check-debian13: ## what check does, in a Debian 13 with its compilers and libraries; root
	tools/install-deps package
	tests/suite trixie

SOAK_MINUTES ?= 30
soak: all clients ## callerd between engines, callers and outputs that fail, for SOAK_MINUTES (SOAK_SEED); root
	tests/soak/run --minutes $(SOAK_MINUTES) $(SOAK_SEED:%=--seed %)

# The stages are timed.
test: ## install what is missing, build, run every test
	tests/run install build check live soak vm

test-long: ## what takes longer: more of the live tests and of those in virtual machines, the package installed and booted, Debian 13; root
	tools/install-deps build demo test package
	tests/suite trixie
	tests/run build package tarball live_long vm_long

demo: ## install what is missing, build, show the main job on real calls
	tools/install-deps build demo
	$(MAKE) -j$$(nproc) all
	tools/demo

reading: all ## write the lines of docs/reading.md and README's picture anew
	tools/install-deps reading
	tests/reading/run --update

FUZZ_SECONDS ?= 60
fuzz: ## run each fuzz target for FUZZ_SECONDS
	$(MAKE) B=$(B)/guided SAN="$(SAN) -fsanitize=fuzzer-no-link" fuzzers
	@for target in $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%); do \
		mkdir -p $(B)/fuzz-corpus/$$target; \
		$(B)/guided/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			$(B)/fuzz-corpus/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

# ROUNDS of each measurement. PARTS: only these (tests/bench/run); of the others the document keeps what it has.
ROUNDS ?= 5
PARTS ?=
bench: all clients $(B)/bench_call $(B)/bench_spool ## what callerd and others cost: writes docs/benchmarks.md and its plots; root
	tools/install-deps build demo bench
	tests/bench/run --rounds $(ROUNDS) $(PARTS)

# --- care ----------------------------------------------------------------------------------------
C_FILES = $(shell git ls-files '*.c' '*.h')
SHELL_FILES = $(shell git ls-files .ci tests tools | xargs awk 'FNR == 1 && /^\#!.*sh$$/ { print FILENAME } { nextfile }')

# $(call words_of,COMMAND): COMMAND as the contents of a string in JSON, and as one word of the shell.
words_of = $(call quote,$(subst ",\",$(subst \,\\,$(1))))

# Flags that harden or sanitize say nothing of a source, and clangd may not know them.
compile_commands.json: $(SKEL) FORCE ## how each source is compiled, for clangd
	@list() { \
		command=$$1; shift; \
		for source; do \
			printf '{"directory": "%s", "file": "%s",\n\t"command": "%s -c %s"},\n' \
				'$(CURDIR)' "$$source" "$$command" "$$source"; \
		done; \
	}; { \
		list $(call words_of,$(BPF_COMPILE)) $(BPF_SRC); \
		list $(call words_of,$(CC) $(BASE) $(CFLAGS)) $(SRC) $(TOOL_SRC) $(CLIENT_SRC) tests/exploited.c; \
		list $(call words_of,$(SAN_CC) $(BASE) $(TEST_LIMITS) $(TEST_WARN)) $(UNIT_SRC) $(FUZZ_SRC); \
	} | sed '1s/^/[/; $$s/,$$/]/' >$@

format: ## rewrite the C files as .clang-format says
	clang-format -i $(C_FILES)

lint: compile_commands.json ## the order of rooms, clang-format, clang-tidy, cppcheck, shellcheck
	tests/check-rooms
	clang-format --dry-run -Werror $(C_FILES)
	printf '%s\n' $(SRC) tools/replay.c | xargs -P$$(nproc) -n8 clang-tidy -p . --quiet --warnings-as-errors='*' 2>/dev/null
	@# cppcheck does not know the attribute cleanup: to it nothing of ours is freed or closed. The tests have ASan's eyes for that.
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem --suppress=selfAssignment --suppress=uninitvar --suppress=ctuuninitvar --suppress=legacyUninitvar \
		--suppress=memleak --suppress=resourceLeak \
		'-DLIBBPF_OPTS(type,name,...)=struct type name' '-Dbpf_object__for_each_map(map,object)=while (map)' -Iinclude -Iuser user tools
	shellcheck --external-sources --exclude=SC1091 $(SHELL_FILES)

coverage: ## line coverage by the unit tests, per file
	$(MAKE) B=$(B)/coverage SAN_CC=$(CC) SAN="--coverage -O0 -g" unit
	@for test in $(B)/coverage/unit/test_*; do $$test >/dev/null 2>&1 || true; done
	@cd $(B)/coverage && find san/user -name '*.gcno' | xargs gcov -n 2>/dev/null | \
		awk '/^File .*user/ {f=$$2} /^Lines/ && f {print f, $$0; f=""}' | sort

# --- installing ----------------------------------------------------------------------------------
# The manual pages say what the program and docs/ say.
$(B)/help: $(B)/callerd
	$< --help >$@
$(B)/help-ctl: $(B)/callerctl
	$< --help >$@
MAN := $(B)/man/callerctl.1 $(B)/man/callerd.8 $(B)/man/callerd.conf.5 $(B)/man/callerd-records.7
$(B)/man/%: tools/man
	@mkdir -p $(@D)
	tools/man $(basename $*) $(patsubst .%,%,$(suffix $*)) $(MAN_WORDS) >$@
$(B)/man/callerd.8: $(B)/help docs/usage.md docs/monitoring.md
$(B)/man/callerd.8: MAN_WORDS = "tells who called the Docker daemon" --help $(B)/help \
	"docs/usage.md\#What it asks the engine" "docs/usage.md\#Kinds of records" "docs/monitoring.md\#Self-test" "docs/usage.md\#Kernels"
$(B)/man/callerctl.1: $(B)/help-ctl docs/reading.md docs/where.md
$(B)/man/callerctl.1: MAN_WORDS = "asks the logs of callerd" --help $(B)/help-ctl docs/reading.md docs/where.md
$(B)/man/callerd.conf.5: docs/configuration.md docs/outputs.md
$(B)/man/callerd.conf.5: MAN_WORDS = "the configuration of callerd" docs/configuration.md
$(B)/man/callerd-records.7: docs/record.md
$(B)/man/callerd-records.7: MAN_WORDS = "the records of callerd" docs/record.md
$(B)/callerd.catalog: $(B)/callerctl
	$< findings --as catalog >$@
man: $(MAN) ## write the manual pages

# What the program is made of, as SPDX 2.3 has it; ARCHIVES are the libraries that are in it.
SBOM_SRC = $(shell find bpf include user -type f)
ARCHIVES ?=
sbom: $(B)/callerd.spdx.json ## write the software bill of materials
$(B)/callerd.spdx.json: $(B)/callerd tools/sbom debian/changelog
	tools/sbom $(VERSION) $< $(ARCHIVES) -- $(SBOM_SRC) >$@

$(B)/callerd.service: packaging/callerd.service FORCE
	@sed 's|@sbindir@|$(prefix)/sbin|' $< >$@

# For a SIEM: shippers, templates of indices, dashboards.
DASHBOARDS := $(B)/siem/kibana.ndjson $(B)/siem/grafana.json
SIEM := $(wildcard packaging/siem/*.json packaging/siem/*.y*ml) $(DASHBOARDS)
$(DASHBOARDS): packaging/siem/dashboards
	@mkdir -p $(@D)
	$< $(basename $(@F)) >$@

# MODE:SOURCE:PLACE of each file. What lies in /etc lies there whatever the prefix is: callerd and others look there.
prefix ?= /usr/local
unitdir ?= $(prefix)/lib/systemd/system
INSTALLED := \
	755:$(B)/callerd:$(prefix)/sbin/callerd \
	755:$(B)/callerctl:$(prefix)/bin/callerctl \
	644:$(B)/callerd.service:$(unitdir)/callerd.service \
	644:packaging/callerd.sysusers:$(prefix)/lib/sysusers.d/callerd.conf \
	644:packaging/callerd.tmpfiles:$(prefix)/lib/tmpfiles.d/callerd.conf \
	644:$(B)/callerd.catalog:$(prefix)/lib/systemd/catalog/callerd.catalog \
	644:packaging/callerd.lnav.json:$(prefix)/share/callerd/lnav/callerd.json \
	644:packaging/callerctl.bash:$(prefix)/share/bash-completion/completions/callerctl \
	644:packaging/callerd.bash:$(prefix)/share/bash-completion/completions/callerd \
	644:packaging/callerd.conf:/etc/callerd/callerd.conf \
	644:packaging/callerd.logrotate:/etc/logrotate.d/callerd \
	644:packaging/callerd.apparmor:/etc/apparmor.d/usr.sbin.callerd \
	644:LICENSE:$(prefix)/share/doc/callerd/LICENSE \
	644:$(B)/callerd.spdx.json:$(prefix)/share/doc/callerd/callerd.spdx.json \
	644:packaging/network.conf:$(prefix)/share/doc/callerd/examples/network.conf \
	644:docs/callerd.conf.example:$(prefix)/share/doc/callerd/examples/callerd.conf \
	$(foreach file,$(wildcard docs/monitoring/*),644:$(file):$(prefix)/share/doc/callerd/examples/$(notdir $(file))) \
	$(foreach file,$(wildcard docs/benchmarks/* docs/reading/*),644:$(file):$(prefix)/share/doc/callerd/$(file)) \
	$(foreach file,$(SIEM),644:$(file):$(prefix)/share/callerd/siem/$(notdir $(file))) \
	$(foreach page,$(MAN),644:$(page):$(prefix)/share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page))) \
	$(foreach text,README.md $(wildcard docs/*.md),644:$(text):$(prefix)/share/doc/callerd/$(text))

# $(call each_installed,COMMANDS): with $$mode, $$source and $$place of each file.
each_installed = @set -e; for file in $(INSTALLED); do \
		mode=$${file%%:*}; place=$${file\#\#*:}; source=$${file\#*:}; source=$${source%:*}; $(1); done

# A file in /etc that is there already is the site's.
install: all $(MAN) $(DASHBOARDS) $(B)/callerd.catalog $(B)/callerd.service $(B)/callerd.spdx.json ## into $(DESTDIR)$(prefix), and $(DESTDIR)/etc
	$(call each_installed,case $$place in \
		(/etc/*) [ ! -e "$(DESTDIR)$$place" ] || continue ;; esac; \
		install -D -m $$mode $$source "$(DESTDIR)$$place")

# What the site has changed in /etc stays, and so do logs and state.
uninstall: $(MAN) $(DASHBOARDS) $(B)/callerd.catalog $(B)/callerd.service $(B)/callerd.spdx.json ## remove what install installed, and what goes on in the kernel
	$(if $(DESTDIR),,-$(prefix)/sbin/callerd --detach)
	$(call each_installed,case $$place in \
		(/etc/*) cmp -s $$source "$(DESTDIR)$$place" || continue ;; esac; \
		rm -f "$(DESTDIR)$$place")
	@rmdir -p --ignore-fail-on-non-empty "$(DESTDIR)$(prefix)/share/doc/callerd/docs/benchmarks" "$(DESTDIR)$(prefix)/share/doc/callerd/docs/reading" \
		"$(DESTDIR)$(prefix)/share/doc/callerd/examples" "$(DESTDIR)$(prefix)/share/callerd/siem" "$(DESTDIR)/etc/callerd" 2>/dev/null || true

deb: ## a Debian package, in $(B)/deb
	tools/deb $(B)/deb

tarball: ## for other distributions: all libraries but glibc in the program, in $(B)/tarball
	tools/tarball $(B)/tarball

.PHONY: all help clients unit fuzzers check check-live check-vm check-arm64 check-debian13 test-engines soak test test-long demo reading fuzz bench format lint coverage install uninstall man sbom deb tarball clean
-include $(wildcard $(patsubst %.c,$(B)/%.d,$(SRC) $(TOOL_SRC) $(CLIENT_SRC)) \
	$(patsubst %.c,$(B)/san/%.d,$(SRC) $(UNIT_SRC) $(FUZZ_SRC)) $(SKEL:.skel.h=.bpf.d))

clean: ## remove what was built, but not the kernels of the virtual machines, other engines, and other suites
	rm -rf $(filter-out $(B)/vm $(B)/engines $(B)/suites,$(wildcard $(B)/*))
