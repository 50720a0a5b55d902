# SPDX-License-Identifier: GPL-2.0-only
# make          build build/rqscope
# make run      install what is missing, build, serve the dashboard of this host (root)
# make test     install what is missing, build, run every test (root)
# make help     all targets
# Outputs are in build/ only. V=1 shows the commands.

VERSION := 0.1.0
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' $(1) $(2)

CC := gcc
CLANG := clang
ARCH := $(shell uname -m)
BPF_ARCH := $(if $(filter x86_64,$(ARCH)),x86,$(if $(filter aarch64,$(ARCH)),arm64,$(ARCH)))
B := build

# Static but for libc: the binary is copied to hosts that have none of these libraries.
LIBS := libwebsockets libbpf libelf jansson libssl libcrypto zlib
LIB_CFLAGS = $(shell pkg-config --cflags $(LIBS))
LIB_STATIC = -Wl,-Bstatic $(shell pkg-config --static --libs $(LIBS)) $(B)/obj/libelf_search.a -Wl,-Bdynamic -lpthread -ldl -lm
# Calls of the libraries that are led to user/kernel_btf.c, user/poll_set.c and user/server.c.
LIB_WRAP := -Wl,--wrap=btf__load_vmlinux_btf,--wrap=btf__free,--wrap=poll,--wrap=lws_service_fd_tsi
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS ?= -O3 -g
USER_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE -DRQS_VERSION='"$(VERSION)"' -iquote include -iquote user -iquote $(B)/gen \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2
SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BPF_CFLAGS = -O2 -g -mcpu=v3 --target=bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-address-of-packed-member -Ivmlinux -Iinclude -Ibpf -idirafter /usr/include/$(ARCH)-linux-gnu

USER_SRC := $(sort $(wildcard user/*.c))
USER_OBJ := $(USER_SRC:user/%.c=$(B)/obj/%.o)
SAN_OBJ := $(patsubst user/%.c,$(B)/san/%.o,$(filter-out user/main.c,$(USER_SRC)))
BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/gen/%.skel.h)
WEB_SRC := $(sort $(shell find web -type f ! -name '*.md' 2>/dev/null))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

.PHONY: all help deps deps-build deps-test run test test-unit test-btf test-live test-server test-page test-bench clean
all: $(B)/rqscope

help:
	@sed -n '2,6s/^# //p' Makefile
	@echo 'make test-unit, test-btf, test-live, test-server, test-page, test-bench   one part of make test'
	@echo 'make test-guest   on other kernels, in emulated machines (KERNELS="6.1 6.12")'
	@echo 'make bench    how fast it is, against limits and peers (root); make bench-NAME is one part of it'
	@echo 'make clean    remove build/'

# --- what is needed -----------------------------------------------------------------------------------
# Run through sudo, only installing and attaching is done as root; what compiles runs as the user who called.
# sudo hands no environment on, and with it what make was told on its command line: MAKEOVERRIDES says that again.
AS_USER := $(if $(and $(filter 0,$(shell id -u)),$(SUDO_USER),$(filter-out root,$(SUDO_USER))),sudo -u $(SUDO_USER) --,)

deps-build:
	@packaging/install-deps build
deps-test:
	@packaging/install-deps build test

run: deps-build
	@$(AS_USER) $(MAKE) --no-print-directory $(MAKEOVERRIDES) all
	@exec $(B)/rqscope $(ARGS)

test: deps-test
	@$(AS_USER) $(MAKE) --no-print-directory $(MAKEOVERRIDES) all test-bin
	@tests/run

# --- flags: a change of them rebuilds -------------------------------------------------------------------
FLAGS = $(CC) $(USER_CFLAGS) $(CLANG) $(BPF_CFLAGS) $(SAN)
ifneq ($(file <$(B)/flags),$(FLAGS))
.PHONY: $(B)/flags
endif
$(B)/flags:
	@mkdir -p $(B)/obj $(B)/san $(B)/bpf $(B)/gen $(B)/unit $(B)/tests
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' > $@

# --- kernel side ------------------------------------------------------------------------------------------
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(B)/flags
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.raw
	$(Q)llvm-strip -g $@.raw -o $@ 2>/dev/null || cp $@.raw $@

$(B)/gen/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)PATH=$$PATH:/usr/sbin:/sbin bpftool gen skeleton $< name rqs_$*_bpf > $@

# --- page ---------------------------------------------------------------------------------------------------
# web/build.mjs bundles and compresses into the folder named; packaging/embed makes each file an array.
$(B)/npm/.stamp: web/package-lock.json web/package.json | $(B)/flags
	$(call say,NPM,'uPlot and the bundler as pinned in web/package-lock.json')
	$(Q)mkdir -p $(B)/npm && cp web/package.json web/package-lock.json $(B)/npm/
	$(Q)cd $(B)/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error > npm.log 2>&1 || { cat npm.log >&2; exit 1; }
	$(Q)touch $@

$(B)/gen/assets.c: $(WEB_SRC) $(B)/npm/.stamp packaging/embed
	$(call say,PAGE,$@)
	$(Q)rm -rf $(B)/page && mkdir -p $(B)/page
	$(Q)node web/build.mjs $(B)/page $(B)/npm/node_modules
	$(Q)packaging/embed $(B)/page > $@

# --- user side --------------------------------------------------------------------------------------------
$(B)/obj/%.o: user/%.c $(B)/flags | $(SKEL)
	$(call say,CC,$<)
	$(Q)$(CC) $(USER_CFLAGS) $(LIB_CFLAGS) -MMD -MP -c $< -o $@

$(B)/obj/assets.o: $(B)/gen/assets.c $(B)/flags
	$(call say,CC,$<)
	$(Q)$(CC) $(USER_CFLAGS) -c $< -o $@

$(B)/obj/libelf_search.a: packaging/libelf_search.c $(B)/flags
	$(Q)$(CC) $(USER_CFLAGS) -c $< -o $(@:.a=.o)
	$(Q)rm -f $@ && ar rcs $@ $(@:.a=.o)

$(B)/rqscope: $(USER_OBJ) $(B)/obj/assets.o $(B)/obj/libelf_search.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LIB_WRAP) -o $@ $(filter %.o,$^) $(LIB_STATIC)

# --- tests ------------------------------------------------------------------------------------------------
$(B)/san/%.o: user/%.c $(B)/flags | $(SKEL)
	$(call say,CC,'$< (sanitized)')
	$(Q)$(CC) $(filter-out -D_FORTIFY_SOURCE=2 $(CFLAGS),$(USER_CFLAGS)) $(SAN) $(LIB_CFLAGS) -MMD -MP -c $< -o $@

$(B)/san/libuser.a: $(SAN_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/san/libuser.a
	$(call say,TEST,$<)
	$(Q)$(CC) $(filter-out -D_FORTIFY_SOURCE=2 $(CFLAGS),$(USER_CFLAGS)) $(SAN) -iquote bpf -iquote tests/unit -MMD -MP -MF $@.d $< $(B)/san/libuser.a \
		-o $@ -lcmocka -lwebsockets -lcap -ljansson -lbpf -lelf -lz -lm -lpthread

$(B)/tests/%: tests/live/%.c $(B)/flags
	$(call say,TEST,$<)
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARN) -D_GNU_SOURCE -o $@ $< -luring -lpthread

LIVE_BIN := $(patsubst tests/live/%.c,$(B)/tests/%,$(wildcard tests/live/*.c))
test-bin: $(UNIT_BIN) $(LIVE_BIN) bench-bin
.PHONY: test-bin
test-unit: $(UNIT_BIN)
	@tests/run unit
test-btf test-live test-server test-page test-bench: all test-bin
	@tests/run $(@:test-%=%)

# On kernels of Debian's, in emulated machines: not a part of make test, since it fetches them.
.PHONY: test-guest
test-guest: all
	@packaging/install-deps guest
	@tests/guest/run.py $(KERNELS)

# --- benchmarks -------------------------------------------------------------------------------------------
# As root, on a machine that does little else: make bench, or one of them (make bench-http); make bench-soak takes ten minutes. BENCH_ROUNDS (15), BENCH_LIMIT_S (90).
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH_SKEL := $(patsubst tests/bench/%.bpf.c,$(B)/bench/%.skel.h,$(filter %.bpf.c,$(BENCH_SRC)))
BENCH_OBJ := $(patsubst tests/bench/%.c,$(B)/bench/%.o,$(filter-out %.bpf.c tests/bench/bench_%,$(BENCH_SRC)))

$(B)/bench/%.bpf.o: tests/bench/%.bpf.c $(B)/flags
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.raw
	$(Q)llvm-strip -g $@.raw -o $@ 2>/dev/null || cp $@.raw $@

$(B)/bench/%.skel.h: $(B)/bench/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)PATH=$$PATH:/usr/sbin:/sbin bpftool gen skeleton $< name bench_$* > $@

$(B)/bench/%.o: tests/bench/%.c $(B)/flags | $(BENCH_SKEL)
	$(call say,CC,$<)
	$(Q)$(CC) $(USER_CFLAGS) -iquote $(B)/bench -iquote tests/unit -MMD -MP -c $< -o $@

# With the user side, for those that measure a part of it.
$(B)/bench/user.a: $(filter-out $(B)/obj/main.o,$(USER_OBJ)) $(B)/obj/assets.o $(B)/obj/libelf_search.a
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(B)/bench/bench_%: $(B)/bench/bench_%.o $(BENCH_OBJ) $(B)/bench/user.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(BENCH_LDFLAGS) -o $@ $^ $(LIB_STATIC) -lcmocka
# It plays more CPUs than there are.
$(B)/bench/bench_tick: BENCH_LDFLAGS := -Wl,--wrap=libbpf_num_possible_cpus
# The server runs in it.
$(B)/bench/bench_fanout: BENCH_LDFLAGS := -Wl,--wrap=poll,--wrap=lws_service_fd_tsi

BENCHES := http sched start fanout tick scale rate connections memory
.PHONY: bench bench-bin bench-soak $(BENCHES:%=bench-%)
bench-bin: $(BENCHES:%=$(B)/bench/bench_%) $(B)/bench/bench_soak
bench: $(B)/rqscope bench-bin
	@tests/bench/run $(BENCHES)
$(BENCHES:%=bench-%) bench-soak: bench-%: $(B)/rqscope $(B)/bench/bench_%
	@$(B)/bench/bench_$* $(B)/rqscope

clean:
	rm -rf $(B)

-include $(wildcard $(B)/obj/*.d $(B)/san/*.d $(B)/bpf/*.d $(B)/unit/*.d $(B)/bench/*.d)
.SECONDARY:
