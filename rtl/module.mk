# Rules of rtl/: the Verilated models behind a C header, pare-cosim, the SystemC bench, RTL lint.
# A kind of PE is a row of rtl/kinds.h; its parameters are read from there.

comma      := ,
RTL_SV     := rtl/pare_pkg.sv rtl/pare_digit_counter.sv rtl/pare_digit_extend.sv \
              rtl/pare_pe_core.sv rtl/pare_pe_temporal.sv
RTL_DEPS   := $(RTL_SV) rtl/pare_assert.svh rtl/kinds.h
RTL_ROWS   := $(shell sed -nE 's/^ *X\(([a-z0-9_]+(, [0-9]+){6})\).*/\1/p' rtl/kinds.h | tr -d ' ')
RTL_KINDS  := $(foreach r,$(RTL_ROWS),$(firstword $(subst $(comma), ,$(r))))
VBUILD      = $(abspath $(BUILD))/verilated
VERILATOR_INCLUDE = $(shell verilator --getenv VERILATOR_ROOT)/include

rtl_params = -GLanes=$(2) -GActDigit=$(3) -GWeightDigit=$(4) -GMaxActBits=$(5) \
             -GMaxWeightBits=$(6) -GAccWidth=$(7)

# Waves are compiled in and written on demand; assertions are on; registers without reset start at
# random, so that nothing may rely on their first value.
VERILATE = verilator -Wall --assert -O3 --x-assign unique --x-initial unique -Irtl \
           --top-module pare_pe_temporal
# generated code and Verilator's own are compiled without our warnings
RTL_MODEL_CXX = $(CXX) -std=c++17 -O2 -w -fcf-protection=none -pthread \
                -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd

# one kind: verilated into its folder, all its C++ compiled as one unit
define rtl_kind
$(BUILD)/verilated/$(firstword $(subst $(comma), ,$(1))).o: $$(RTL_DEPS)
	$$(call say,VL,$$@)
	$(Q)rm -rf $$(@:.o=) && mkdir -p $$(@:.o=)
	$(Q)$$(VERILATE) --cc --trace-fst --prefix Vpare_$$(basename $$(@F)) --Mdir $$(abspath $$(@:.o=)) \
	  $$(call rtl_params,$(1)) $$(RTL_SV)
	$(Q)cd $$(@:.o=) && for f in *.cpp; do echo "#include \"$$$$f\""; done >all.cc
	$(Q)$$(RTL_MODEL_CXX) -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_SC=0 -I$$(@:.o=) -c -o $$@ $$(@:.o=)/all.cc
endef
$(foreach r,$(RTL_ROWS),$(eval $(call rtl_kind,$(r))))

$(BUILD)/verilated/run_%.o:
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(RTL_MODEL_CXX) -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_SC=0 -c -o $@ $(VERILATOR_INCLUDE)/$*.cpp
RTL_RUNTIME := $(patsubst %,$(BUILD)/verilated/run_%.o,verilated verilated_threads verilated_fst_c)
RTL_MODELS  := $(RTL_KINDS:%=$(BUILD)/verilated/%.o)

$(BUILD)/verilated/models.h: rtl/kinds.h
	$(Q)mkdir -p $(@D) && for k in $(RTL_KINDS); do echo "#include \"Vpare_$$k.h\""; done >$@

$(BUILD)/obj/rtl/dut.o: rtl/dut.cpp $(BUILD)/verilated/models.h $(RTL_MODELS)
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(ALL_CXXFLAGS) -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_SC=0 \
	  -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd \
	  $(RTL_KINDS:%=-isystem $(BUILD)/verilated/%) -I$(BUILD)/verilated -I. -MMD -MP -c -o $@ $<

# everything of rtl/ but main
RTL_LIB := $(BUILD)/lib/libpare_rtl.a
$(RTL_LIB): $(call objects,rtl) $(BUILD)/obj/rtl/dut.o $(RTL_MODELS) $(RTL_RUNTIME)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

rtl_link = mkdir -p $(@D) && $(CXX) $(LDFLAGS) -o $@ $^ $(call syslibs,sim) -lz

$(BUILD)/bin/pare-cosim: $(BUILD)/obj/rtl/main.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link)
$(BUILD)/tests/test_rtl_%: $(BUILD)/obj/tests/test_rtl_%.o $(BUILD)/obj/tests/gtck.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link) $(LIBS_check)
$(BUILD)/bench/bench_rtl_%: $(BUILD)/obj/tests/bench/bench_rtl_%.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link)

RTL_CHECKS := rtl/lint.sh

rtl: $(BUILD)/bin/pare-cosim ## Build the Verilated models and pare-cosim

rtl-lint: ## Lint every RTL module alone over a matrix of parameters (Verilator, Yosys)
	$(Q)rtl/lint.sh
