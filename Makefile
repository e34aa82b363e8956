# SPDX-License-Identifier: Apache-2.0
# callerd: tells who called the Docker daemon. `make help` lists what there is.

VERSION := 0.1.0
B ?= build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
CI ?=

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	-Wformat=2 -Wvla $(if $(CI),-Werror)
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
CPPFLAGS := -Iinclude -Iuser -I$(B) -D_GNU_SOURCE -DCALLERD_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
COMPILE := -std=gnu11 $(WARN) $(CPPFLAGS)
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LIBS := -lbpf -lelf -lz

# The library: no I/O, no clock, no libbpf.
LIB_SRC := user/capture/decode.c $(wildcard user/conversation/*.c user/record/*.c)
AGENT_SRC := $(filter-out $(LIB_SRC),$(wildcard user/capture/*.c user/sink/*.c user/agent/*.c))
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

$(B)/replay: $(B)/tools/replay.o $(B)/libcallerd.a
	$(CC) $(LDFLAGS) $^ -o $@

clients: $(CLIENTS) ## build the test clients
$(B)/clients/%: tests/clients/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g $< -o $@ -lpthread

# --- tests ---------------------------------------------------------------------------------------
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
SAN_OBJ := $(LIB_SRC:%.c=$(B)/san/%.o)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

$(B)/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(SAN) -MMD -MP -c $< -o $@

$(B)/unit/%: tests/unit/%.c $(SAN_OBJ) Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(SAN) -Wno-missing-prototypes -MMD -MP $< $(SAN_OBJ) -o $@ -lcmocka -ljansson

FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
$(B)/fuzz/%: tests/fuzz/%.c $(LIB_SRC) Makefile
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $< $(LIB_SRC) -o $@

.SECONDARY:
.PHONY: all help clients clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)

clean: ## remove what was built
	rm -rf $(B)
