# pare: one Makefile, no recursion. `make help` lists the targets; `make V=1` shows the commands.
# A folder's *.c files (without main.c) are its library; its main.c is its program; each
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

GIT_COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
WERROR     := $(if $(CI),-Werror,-Werror=implicit)
WARN       := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
              -Wvla -Wundef -Wformat=2 $(WERROR)
CFLAGS     ?= -O2 -g
CXXFLAGS   ?= -O2 -g
CPPFLAGS   += -D_POSIX_C_SOURCE=200809L
ALL_CFLAGS  = -std=c17 $(CPPFLAGS) $(WARN) $(CFLAGS) $(SANITIZE) -pthread
ALL_CXXFLAGS = -std=c++17 $(CPPFLAGS) -Wall -Wextra $(if $(CI),-Werror) $(CXXFLAGS) $(SANITIZE) -pthread
LDFLAGS    += $(SANITIZE) -pthread

# ---- what links with what (DESIGN: model and sim never meet) ----------------------------------
LIBS_traces := -lyaml -lz -lm
LIBS_model  := -ldnnl
LIBS_sim    :=
NEEDS_traces := traces
NEEDS_model  := model traces
NEEDS_sim    := sim traces
libs = $(foreach p,$(NEEDS_$(1)),$(BUILD)/lib/libpare_$(p).a)
syslibs = $(foreach p,$(NEEDS_$(1)),$(LIBS_$(p)))

PARTS      := traces model sim
PROGRAMS_C := $(BUILD)/bin/pare-trace $(BUILD)/bin/pare-train $(BUILD)/bin/pare-sim
PROGRAM_OF_traces := pare-trace
PROGRAM_OF_model  := pare-train
PROGRAM_OF_sim    := pare-sim

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)))

all: $(PROGRAMS_C) rtl ## Build the libraries and programs (build/bin)

define part_rules
$(BUILD)/lib/libpare_$(1).a: $(call objects,$(1))
	$$(call say,AR,$$@)
	$(Q)mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
$(BUILD)/bin/$(PROGRAM_OF_$(1)): $(BUILD)/obj/$(1)/main.o $(call libs,$(1))
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
$(BUILD)/obj/%_avx512.o: CFLAGS += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma
$(BUILD)/obj/traces/provenance.o: CPPFLAGS += -DPARE_GIT_COMMIT='"$(GIT_COMMIT)"'

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -I. -Itests -MMD -MP -c -o $@ $<

include rtl/module.mk

# ---- tests ------------------------------------------------------------------------------------
TEST_SOURCES := $(wildcard tests/test_*.c)
TEST_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out tests/test_rtl_%,$(TEST_SOURCES)))
TEST_RTL := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter tests/test_rtl_%,$(TEST_SOURCES)))

check: deps all test-programs deps-check ## Install, build and pass all tests (at most 10 minutes)
	$(Q)BUILD=$(BUILD) tests/run.sh $(sort $(TEST_PROGRAMS) $(TEST_RTL)) $(RTL_CHECKS)

test-programs: $(TEST_PROGRAMS) $(TEST_RTL) $(RTL_CHECKS)

deps: ## Install what is missing (Debian); elsewhere print what is needed
	$(Q).ci/deps

deps-check: ## Fail if a folder includes what it may not
	$(Q)tests/deps_check.sh

help: ## List the targets
	$(Q)grep -hE '^[a-z-]+:.*##' Makefile rtl/module.mk | sed -E 's/:.*## /\t/' | \
	  awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

clean: ## Remove build/
	$(Q)rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: all check test-programs deps deps-check help clean rtl
