# pare: one Makefile, no recursion. `make help` lists the targets; `make V=1` shows the commands.
# A folder's main*.c files are its program, its other *.c files its library; each
# tests/test_<folder>_<subject>.c is one Check program. rtl/ adds its rules in rtl/module.mk.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CXX     ?= g++
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

VERSION    := $(shell sed -n 's/^\#define PARE_VERSION "\(.*\)"/\1/p' traces/trace.h)
GIT_COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
WERROR     := $(if $(CI),-Werror,-Werror=implicit)
WARN       := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
              -Wvla -Wundef -Wformat=2 $(WERROR)
CFLAGS     ?= -O2 -g
CXXFLAGS   ?= -O2 -g
CPPFLAGS   += -D_POSIX_C_SOURCE=200809L
ALL_CFLAGS  = -std=c17 $(CPPFLAGS) $(WARN) $(CFLAGS) $(PIC) $(ISA) $(SANITIZE) -pthread
ALL_CXXFLAGS = -std=c++17 $(CPPFLAGS) -Wall -Wextra $(if $(CI),-Werror) $(CXXFLAGS) $(SANITIZE) -pthread
LDFLAGS    += $(SANITIZE) -pthread

# ---- what links with what (DESIGN: model and sim never meet) ----------------------------------
# Open MPI is used where it is installed; MPI=0 builds without
MPI         ?= $(shell pkg-config --exists ompi-c 2>/dev/null && echo 1 || echo 0)
ifeq ($(MPI),1)
MPI_CFLAGS  := -DPARE_HAS_MPI $(patsubst -I%,-isystem %,$(shell pkg-config --cflags ompi-c))
MPI_LIBS    := $(shell pkg-config --libs ompi-c)
endif
LIBS_traces := -lyaml -lz -lm
LIBS_model  := -ldnnl -lgomp $(MPI_LIBS)
LIBS_sim    := -lsqlite3 -lxxhash -lm
NEEDS_traces := traces
NEEDS_model  := model traces
NEEDS_sim    := sim traces
libs = $(foreach p,$(NEEDS_$(1)),$(BUILD)/lib/libpare_$(p).a)
syslibs = $(foreach p,$(NEEDS_$(1)),$(LIBS_$(p)))

SIM_HEADERS := $(addprefix sim/,sim.h infer.h pe.h accel.h accel_model.h store.h sweep.h codesign.h questions.h)

PARTS      := traces model sim
PROGRAMS_C := $(BUILD)/bin/pare-trace $(BUILD)/bin/pare-train $(BUILD)/bin/pare-sim
PROGRAM_OF_traces := pare-trace
PROGRAM_OF_model  := pare-train
PROGRAM_OF_sim    := pare-sim

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(1)/main%,$(wildcard $(1)/*.c)))
mains   = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/main*.c))

all: $(PROGRAMS_C) $(BUILD)/lib/libpare.so rtl ## Build the libraries and programs (build/bin)

define part_rules
$(BUILD)/lib/libpare_$(1).a: $(call objects,$(1))
	$$(call say,AR,$$@)
	$(Q)mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
$(BUILD)/bin/$(PROGRAM_OF_$(1)): $(call mains,$(1)) $(call libs,$(1))
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D) && $$(CC) $$(LDFLAGS) -o $$@ $$^ $(call syslibs,$(1))
$(BUILD)/tests/test_$(1)_%: $(BUILD)/obj/tests/test_$(1)_%.o $(BUILD)/obj/tests/gtck.o $(call libs,$(1))
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D) && $$(CC) $$(LDFLAGS) -o $$@ $$^ $(call syslibs,$(1)) $(LIBS_check)
$(BUILD)/bench/bench_$(1)_%: $(BUILD)/obj/tests/bench/bench_$(1)_%.o $(call libs,$(1))
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D) && $$(CC) $$(LDFLAGS) -o $$@ $$^ $(call syslibs,$(1))
endef
say = @$(if $(filter 1,$(V)),:,printf '  %-4s %s\n' $(1) $(2))

LIBS_check := -lcheck_pic -lsubunit -lrt -lm
$(foreach p,$(PARTS),$(eval $(call part_rules,$(p))))

# AVX-512 lives in its own files behind a run-time test
$(BUILD)/obj/%_avx512.o: ISA := -Wno-psabi -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma
# loops that are laid out to be done several at a time
$(BUILD)/obj/sim/search_bounds.o: ISA := -O3 -fno-trapping-math -Wno-psabi
$(BUILD)/obj/sim/search.o $(BUILD)/obj/sim/search_setup.o $(BUILD)/obj/sim/stages.o $(BUILD)/obj/sim/tile.o $(BUILD)/obj/sim/map.o: ISA := -O3
$(BUILD)/obj/model/comm.o: CPPFLAGS += $(MPI_CFLAGS)
$(BUILD)/obj/traces/provenance.o: CPPFLAGS += -DPARE_GIT_COMMIT='"$(GIT_COMMIT)"'

# one shared library of what is installed, for callers from other languages
SONAME := libpare.so.$(firstword $(subst ., ,$(VERSION)))
$(BUILD)/obj/traces/%.o $(BUILD)/obj/sim/%.o: PIC := -fPIC -fno-semantic-interposition
$(BUILD)/lib/libpare.so: $(call objects,traces) $(call objects,sim)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared -Wl,-soname,$(SONAME) $(LDFLAGS) -o $@ $^ $(call syslibs,sim)
	$(Q)ln -sf libpare.so $(BUILD)/lib/$(SONAME)

$(BUILD)/obj/sim/report.o: sim/report.html sim/report.js sim/report_points.js

# other flags, other objects; another commit, another stamp in what the programs write
FLAGS := $(CFLAGS) $(SANITIZE) PIC for traces and sim
keep = $(shell mkdir -p $(BUILD) && { echo '$(2)' | cmp -s - $(BUILD)/$(1) || echo '$(2)' >$(BUILD)/$(1); })
$(if $(filter clean,$(MAKECMDGOALS)),,$(call keep,flags,$(FLAGS))$(call keep,commit,$(GIT_COMMIT)))
$(BUILD)/obj/traces/provenance.o: $(BUILD)/commit

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -I. -Itests -MMD -MP -c -o $@ $<

include rtl/module.mk

# ---- tests ------------------------------------------------------------------------------------
TEST_SOURCES := $(wildcard tests/test_*.c)
TEST_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out tests/test_rtl_%,$(TEST_SOURCES)))
TEST_RTL := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter tests/test_rtl_%,$(TEST_SOURCES)))

CHECKS := $(sort $(TEST_PROGRAMS) $(TEST_RTL)) $(RTL_CHECKS) tests/report_browser.sh tests/sweep_engines.sh tests/docs.sh

check: ## Install what is missing, build and pass all tests (at most 10 minutes)
	$(Q).ci/deps check
	$(Q)+$(MAKE) --no-print-directory check-run

check-run: all test-programs deps-check headers
	$(Q)BUILD=$(BUILD) tests/run.sh $(CHECKS)

check-engines: all ## Sweeps in shards under mpirun, GNU parallel and a Slurm of one node
	$(Q).ci/deps engines
	$(Q)PARE_NO_CLI=1 BUILD=$(BUILD) tests/run.sh tests/sweep_engines.sh

check-slow: all test-programs ## The long campaigns: fuzzing, valgrind, larger random runs
	$(Q)+$(MAKE) --no-print-directory fuzz valgrind rtl-slow
	$(Q)PARE_SLOW=1 BUILD=$(BUILD) tests/run.sh $(CHECKS)

test-programs: $(TEST_PROGRAMS) $(TEST_RTL) $(RTL_CHECKS)

demo: ## The whole chain on real data: learn, simulate, cross-check, report (at most 5 minutes)
	$(Q).ci/deps demo
	$(Q)+$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) docs/demo.sh

deps: ## Install what is missing (Debian); elsewhere print what is needed
	$(Q).ci/deps check

# ---- quality ----------------------------------------------------------------------------------
SOURCES_C   := $(wildcard docs/examples/*.c) $(wildcard traces/*.[ch] model/*.[ch] sim/*.[ch] rtl/*.[ch] tests/*.[ch] tests/*/*.[ch])
SOURCES_CXX := $(wildcard rtl/*.cpp rtl/*.hpp)
SCRIPTS     := .ci/run .ci/deps $(wildcard docs/*.sh docs/*/*.sh tests/*.sh) tests/cli/run.sh

deps-check: ## Fail if a folder includes what it may not
	$(Q)tests/deps_check.sh

# every public header alone, as C17 and as C++17
headers: ## Compile each public header by itself
	$(Q)for h in traces/trace.h traces/cost.h model/model.h $(SIM_HEADERS) $(wildcard rtl/dut.h rtl/dut_accel.h); do \
	  printf '#include "%s"\n' $$h | $(CC) -std=c17 $(WARN) -Werror -I. -fsyntax-only -x c - && \
	  printf '#include "%s"\n' $$h | $(CXX) -std=c++17 -Wall -Wextra -Werror -I. -fsyntax-only -x c++ - || exit 1; done
	$(Q)echo "headers: each compiles alone"

format: ## Lay out the sources with clang-format
	$(Q)clang-format-14 -i $(SOURCES_C) $(SOURCES_CXX)

format-check: ## Fail if a source is not as clang-format would lay it out
	$(Q)clang-format-14 --dry-run -Werror $(SOURCES_C) $(SOURCES_CXX)

lint: ## clang-format, cppcheck, shellcheck, codespell, RTL lint
	$(Q).ci/deps lint
	$(Q)+$(MAKE) --no-print-directory format-check rtl-lint
	$(Q)cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 --enable=warning,portability \
	  --suppress=missingIncludeSystem -I. $(filter-out tests/%,$(filter %.c,$(SOURCES_C)))
	$(Q)shellcheck -S warning -e SC2206 $(SCRIPTS) $(wildcard rtl/*.sh tests/fuzz/*.sh)
	$(Q)codespell -q 3 -L pare,ans,ba,nin README.md docs traces model sim rtl tests Makefile --skip '*.csv,*.svg,*.npy'

# ASan and UBSan stop at the first finding; verilated and SystemC code is left out of them
asan: ## All C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)+$(MAKE) --no-print-directory BUILD=$(BUILD)/asan sanitized-run CFLAGS="-O1 -g" \
	  SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
ubsan: ## All C tests under UndefinedBehaviorSanitizer alone
	$(Q)+$(MAKE) --no-print-directory BUILD=$(BUILD)/ubsan sanitized-run CFLAGS="-O1 -g" \
	  SANITIZE="-fsanitize=undefined -fno-sanitize-recover=undefined"
sanitized-run: $(PROGRAMS_C) $(TEST_PROGRAMS)
	$(Q)PARE_NO_RTL=1 CK_TIMEOUT_MULTIPLIER=60 BUILD=$(BUILD) tests/run.sh $(sort $(TEST_PROGRAMS))

valgrind: ## The tests of traces and sim under valgrind
	$(Q).ci/deps valgrind
	$(Q)+$(MAKE) --no-print-directory valgrind-run
valgrind-run: $(PROGRAMS_C) $(TEST_PROGRAMS)
	$(Q)for t in $(filter $(BUILD)/tests/test_traces_% $(BUILD)/tests/test_sim_%,$(TEST_PROGRAMS)); do \
	  echo "valgrind $$t"; CK_TIMEOUT_MULTIPLIER=20 PARE_DATA=$(CURDIR) PARE_SRC=$(CURDIR) PARE_SHARED=$${PARE_SHARED:-../shared} valgrind -q --error-exitcode=9 --leak-check=full \
	    --errors-for-leak-kinds=definite $$t >$(BUILD)/valgrind.log 2>&1 || { cat $(BUILD)/valgrind.log; exit 1; }; done

coverage: ## Line coverage of the C code by the tests (build/coverage/index.html)
	$(Q).ci/deps coverage
	$(Q)+$(MAKE) --no-print-directory BUILD=$(BUILD)/coverage sanitized-run CFLAGS="-O0 -g --coverage" LDFLAGS="--coverage -pthread"
	$(Q)gcovr -r . --object-directory $(BUILD)/coverage/obj -e tests/ --html-details $(BUILD)/coverage/index.html --print-summary

# ---- fuzzing: one target per reader, seeded with the shipped and the bad files --------------------
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 20
$(BUILD)/fuzz/%: tests/fuzz/%.c $(filter-out traces/main% sim/main%,$(wildcard traces/*.[ch] sim/*.[ch]))
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && clang-14 -std=c17 $(CPPFLAGS) -g -O1 -I. -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=undefined -o $@ $< $(filter-out traces/main%,$(wildcard traces/*.c)) $(if $(filter %fuzz_cifar %fuzz_checkpoint,$@),model/data.c model/archive.c) $(if $(filter %fuzz_machine %fuzz_ert %fuzz_sweep,$@),$(filter-out sim/main%,$(wildcard sim/*.c)) $(LIBS_sim)) $(LIBS_traces) -pthread
fuzz: ## Fuzz every reader for FUZZ_SECONDS (20) each
	$(Q).ci/deps fuzz
	$(Q)+$(MAKE) --no-print-directory $(FUZZ_TARGETS)
	$(Q)for f in $(FUZZ_TARGETS); do tests/fuzz/run.sh $$f $(FUZZ_SECONDS) || exit 1; done

# ---- benchmarks -------------------------------------------------------------------------------
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/bench_*.c))
bench: ## Speed as ratios, each beside a peer or a limit
	$(Q).ci/deps bench
	$(Q)+$(MAKE) --no-print-directory all $(BENCHES)
	$(Q)for b in $(BENCHES); do echo "== $$(basename $$b)"; PARE_BUILD=$(BUILD) $$b || exit 1; done

golden: all ## Write tests/golden/*.csv anew; commit the change and say why
	$(Q)BUILD=$(BUILD) tests/golden.sh

docs: all ## Write the generated reference pages (docs/formats.md, docs/cli.md) anew
	$(Q)BIN=$(BUILD)/bin docs/generate.sh

validation: $(BUILD)/bin/pare-sim ## Write docs/validation.md anew: our numbers beside published ones
	$(Q)BUILD=$(BUILD) docs/validation.sh

results: $(PROGRAMS_C) ## Train what docs/results.md tells of (hours; resumable; CIFAR=DIR) and write it
	$(Q)BUILD=$(BUILD) docs/results.sh

manual: $(BUILD)/share/manual.done ## Write manual pages and bash completion from the option tables
$(BUILD)/share/manual.done: $(PROGRAMS_C) docs/manual.sh | rtl
	$(Q)BIN=$(BUILD)/bin docs/manual.sh $(BUILD)/share && touch $@

# ---- installation -----------------------------------------------------------------------------
INSTALL_ROOT = $(DESTDIR)$(PREFIX)
PC_LIBS := -lpare_sim -lpare_traces $(LIBS_sim) $(LIBS_traces) -pthread
# a pkg-config file: name, what it is, libraries
define PC_TEXT
prefix=$(PREFIX)
libdir=$${prefix}/lib
includedir=$${prefix}/include/pare

Name: $(1)
Description: $(2)
Version: $(VERSION)
Cflags: -I$${includedir} -pthread
Libs: -L$${libdir} $(3)
endef

install: all manual ## Install programs, libraries, headers, manuals and shipped data under PREFIX (/usr/local)
	$(Q)install -d $(addprefix $(INSTALL_ROOT)/,bin lib/pkgconfig include/pare/traces include/pare/sim \
	  share/pare/networks share/pare/machines share/pare/bits share/pare/energy share/man/man1 \
	  share/bash-completion/completions)
	$(Q)install -m 755 $(PROGRAMS_C) $(BUILD)/bin/pare-cosim $(INSTALL_ROOT)/bin
	$(Q)install -m 644 $(BUILD)/lib/libpare_traces.a $(BUILD)/lib/libpare_sim.a $(INSTALL_ROOT)/lib
	$(Q)install -m 755 $(BUILD)/lib/libpare.so $(INSTALL_ROOT)/lib/libpare.so.$(VERSION)
	$(Q)ln -sf libpare.so.$(VERSION) $(INSTALL_ROOT)/lib/$(SONAME)
	$(Q)ln -sf $(SONAME) $(INSTALL_ROOT)/lib/libpare.so
	$(Q)install -m 644 traces/trace.h traces/cost.h $(INSTALL_ROOT)/include/pare/traces
	$(Q)install -m 644 $(SIM_HEADERS) $(INSTALL_ROOT)/include/pare/sim
	$(Q)install -m 644 traces/networks/*.net.yaml $(INSTALL_ROOT)/share/pare/networks
	$(Q)install -m 644 sim/machines/*.machine.yaml $(INSTALL_ROOT)/share/pare/machines
	$(Q)install -m 644 traces/bits/*.bits.yaml $(INSTALL_ROOT)/share/pare/bits
	$(Q)install -m 644 traces/energy/*.csv $(INSTALL_ROOT)/share/pare/energy
	$(Q)install -m 644 $(BUILD)/share/man/man1/*.1 $(INSTALL_ROOT)/share/man/man1
	$(Q)install -m 644 $(BUILD)/share/completions/* $(INSTALL_ROOT)/share/bash-completion/completions
	$(Q)printf '%s\n' "$$PC_SIM" >$(INSTALL_ROOT)/lib/pkgconfig/pare.pc
	$(Q)printf '%s\n' "$$PC_TRACES" >$(INSTALL_ROOT)/lib/pkgconfig/pare-traces.pc
export PC_SIM = $(call PC_TEXT,pare,cost of neural networks on variable-precision accelerators,$(PC_LIBS))
export PC_TRACES = $(call PC_TEXT,pare-traces,networks bitlengths tensors and tables of pare,-lpare_traces $(LIBS_traces) -pthread)

uninstall: ## Remove what install put there
	$(Q)rm -f $(foreach p,pare-trace pare-train pare-sim pare-cosim,$(addprefix $(INSTALL_ROOT)/,bin/$(p) \
	  share/man/man1/$(p).1 share/bash-completion/completions/$(p)))
	$(Q)rm -f $(addprefix $(INSTALL_ROOT)/lib/,libpare_traces.a libpare_sim.a libpare.so $(SONAME) \
	  libpare.so.$(VERSION) pkgconfig/pare.pc pkgconfig/pare-traces.pc)
	$(Q)rm -rf $(INSTALL_ROOT)/include/pare $(INSTALL_ROOT)/share/pare

help: ## List the targets
	$(Q)grep -hE '^[a-z-]+:.*##' Makefile rtl/module.mk | sed -E 's/:.*## /\t/' | \
	  awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

clean: ## Remove build/
	$(Q)rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: all check check-run check-engines check-slow test-programs demo deps deps-check headers format format-check lint \
  asan ubsan sanitized-run valgrind valgrind-run coverage fuzz bench golden docs manual validation results install uninstall help clean rtl rtl-lint
