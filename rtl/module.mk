# Rules of rtl/: the Verilated models behind a C header, pare-cosim, the SystemC bench, RTL lint.
# A kind of PE is a row of rtl/kinds.h; its parameters are read from there.

comma      := ,
RTL_SV     := $(addprefix rtl/pare_,pkg.sv digit_counter.sv digit_extend.sv accumulator.sv \
              pe_core.sv pe_temporal.sv fusion_unit.sv pe_fusion.sv term_recode.sv \
              term_schedule.sv term_column.sv term_core.sv pe_term.sv)
RTL_DEPS   := $(RTL_SV) rtl/pare_assert.svh rtl/kinds.h
RTL_ROWS   := $(shell sed -nE 's/^ *X\(([a-z0-9_]+(, [a-z0-9]+){9})\).*/\1/p' rtl/kinds.h | tr -d ' ')
RTL_KINDS  := $(foreach r,$(RTL_ROWS),$(firstword $(subst $(comma), ,$(r))))
VERILATOR_INCLUDE = $(shell verilator --getenv VERILATOR_ROOT)/include

rtl_words  = $(subst $(comma), ,$(filter $(1)$(comma)%,$(RTL_ROWS)))
rtl_g      = -G$(2)=$(word $(3),$(call rtl_words,$(1)))
rtl_params = $(call rtl_params_$(word 2,$(call rtl_words,$(1))),$(1)) \
             $(call rtl_g,$(1),AccWidth,8) --top-module pare_pe_$(word 2,$(call rtl_words,$(1)))
rtl_params_temporal = $(call rtl_g,$(1),Lanes,3) $(call rtl_g,$(1),ActDigit,4) \
             $(call rtl_g,$(1),WeightDigit,5) $(call rtl_g,$(1),MaxActBits,6) \
             $(call rtl_g,$(1),MaxWeightBits,7)
rtl_params_fusion = $(call rtl_g,$(1),Units,3)
rtl_params_term = $(call rtl_g,$(1),Lanes,3) $(call rtl_g,$(1),MaxActBits,6) \
             $(call rtl_g,$(1),MaxWeightBits,7) $(call rtl_g,$(1),Recoding,9) \
             $(call rtl_g,$(1),FirstStageBits,10)

# ---- the machines: rows of rtl/accels.h -----------------------------------------------------------
ACCEL_SV   := rtl/pare_pkg.sv $(addprefix rtl/pare_,accel_pkg.sv digit_counter.sv digit_extend.sv accumulator.sv pe_core.sv \
              fusion_unit.sv pe_fusion.sv fusion_align.sv fusion_pad.sv \
              term_recode.sv term_schedule.sv term_column.sv term_core.sv ram.sv step_buffer.sv weight_buffer.sv act_buffer.sv out_buffer.sv window_gen.sv beat_sequencer.sv array_pe.sv array.sv \
              requantizer.sv drain.sv dma.sv setup.sv tiler.sv accel.sv)
ACCEL_ROWS := $(shell sed -nE 's/^ *X\(([a-z0-9_]+(, [a-z0-9]+){17})\).*/\1/p' rtl/accels.h | tr -d ' ')
RTL_LARGE  ?=
ACCEL_ALL  := $(foreach r,$(ACCEL_ROWS),$(firstword $(subst $(comma), ,$(r))))
# those with large arrays are built on demand: make BUILD=build/large RTL_LARGE=1 rtl; and
# make ACCELS='pare4 pare_odd' rtl builds these alone: the others are known, but cannot be run
ACCELS     := $(if $(RTL_LARGE),$(ACCEL_ALL),$(filter-out pare16,$(ACCEL_ALL)))
RTL_LARGE_FLAG = $(if $(RTL_LARGE),-DPARE_RTL_LARGE)
$(BUILD)/obj/rtl/accels.o: CPPFLAGS += $(RTL_LARGE_FLAG)
accel_words  = $(subst $(comma), ,$(filter $(1)$(comma)%,$(ACCEL_ROWS)))
ACCEL_NAMES := - Rows Cols Lanes ActDigit WeightDigit MaxActBits MaxWeightBits AccWidth MemWidth \
               WeightPlanes ActPlanes OutBytes MaxFilters Skew PeKind Recoding FirstStageBits
accel_params = $(foreach i,2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18,-G$(word $(i),$(ACCEL_NAMES))=$(word $(i),$(call accel_words,$(1))))

# Waves are compiled in and written on demand; assertions are on; registers without reset start at
# random, so that nothing may rely on their first value.
RTL_WALL := -Wall
VERILATE = verilator $(RTL_WALL) --assert -O3 --x-assign unique --x-initial unique -Irtl
RTL_CC = -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_SC=0
# generated code and Verilator's own are compiled without our warnings
RTL_MODEL_CXX = $(CXX) -std=c++17 -O2 -w -fcf-protection=none -pthread \
                -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd

RTL_MODELS := $(RTL_KINDS:%=$(BUILD)/verilated/%.o)
# one kind: verilated into its folder, all its C++ compiled as one unit
$(RTL_MODELS): $(BUILD)/verilated/%.o: $(RTL_DEPS)
	$(call say,VL,$@)
	$(Q)rm -rf $(@:.o=) && mkdir -p $(@:.o=)
	$(Q)$(VERILATE) --cc --trace-fst --prefix Vpare_$* --Mdir $(abspath $(@:.o=)) \
	  $(call rtl_params,$*) $(RTL_SV)
	$(Q)cd $(@:.o=) && for f in *.cpp; do echo "#include \"$$f\""; done >all.cc
	$(Q)$(RTL_MODEL_CXX) $(RTL_CC) -I$(@:.o=) -c -o $@ $(@:.o=)/all.cc

ACCEL_MODELS := $(ACCELS:%=$(BUILD)/verilated/accel_%.o)
# a PE stays a module of its own, whose code all PEs share: so it may not be specialised by what
# drives it (gate, where that happens) nor hold assertions, which print their place
accel_flags = $(if $(filter pare16 pare_fusion%,$(1)),-fno-gate)
$(ACCEL_MODELS): $(BUILD)/verilated/accel_%.o: $(ACCEL_SV) rtl/pare_assert.svh rtl/accels.h rtl/pare_accel.vlt
	$(call say,VL,$@)
	$(Q)rm -rf $(@:.o=) && mkdir -p $(@:.o=)
	$(Q)$(VERILATE) $(call accel_flags,$*) -DPARE_IN_ARRAY --cc --trace-fst --prefix Vaccel_$* --Mdir $(abspath $(@:.o=)) \
	  $(call accel_params,$*) --top-module pare_accel rtl/pare_accel.vlt $(ACCEL_SV)
	$(Q)cd $(@:.o=) && for f in *.cpp; do echo "#include \"$$f\""; done >all.cc
	$(Q)$(RTL_MODEL_CXX) $(RTL_CC) -I$(@:.o=) -c -o $@ $(@:.o=)/all.cc

$(BUILD)/verilated/run_%.o:
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(RTL_MODEL_CXX) $(RTL_CC) -c -o $@ $(VERILATOR_INCLUDE)/$*.cpp
RTL_RUNTIME := $(patsubst %,$(BUILD)/verilated/run_%.o,verilated verilated_threads verilated_fst_c)

$(BUILD)/verilated/models.h: rtl/kinds.h
	$(Q)mkdir -p $(@D) && for k in $(RTL_KINDS); do echo "#include \"Vpare_$$k.h\""; done >$@

$(if $(filter clean,$(MAKECMDGOALS)),,$(shell mkdir -p $(BUILD)/verilated && \
  { echo '$(ACCELS)' | cmp -s - $(BUILD)/verilated/accels || echo '$(ACCELS)' >$(BUILD)/verilated/accels; }))
$(BUILD)/verilated/accel_models.h: $(BUILD)/verilated/accels
	$(Q)for k in $(ACCELS); do echo "#include \"Vaccel_$$k.h\""; done >$@
	$(Q)echo "#define PARE_RTL_BUILT_ACCELS(X) $(patsubst %,X(%),$(ACCELS))" >>$@

$(BUILD)/obj/rtl/dut_accel.o: rtl/dut_accel.cpp $(BUILD)/verilated/accel_models.h $(ACCEL_MODELS)
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(ALL_CXXFLAGS) $(RTL_CC) \
	  -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd \
	  $(RTL_LARGE_FLAG) $(ACCELS:%=-isystem $(BUILD)/verilated/accel_%) -I$(BUILD)/verilated -I. -MMD -MP -c -o $@ $<

$(BUILD)/obj/rtl/dut.o: rtl/dut.cpp $(BUILD)/verilated/models.h $(RTL_MODELS)
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(ALL_CXXFLAGS) $(RTL_CC) \
	  -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd \
	  $(RTL_KINDS:%=-isystem $(BUILD)/verilated/%) -I$(BUILD)/verilated -I. -MMD -MP -c -o $@ $<

# everything of rtl/ but main
RTL_LIB := $(BUILD)/lib/libpare_rtl.a
$(RTL_LIB): $(call objects,rtl) $(BUILD)/obj/rtl/dut.o $(BUILD)/obj/rtl/dut_accel.o $(RTL_MODELS) \
  $(ACCEL_MODELS) $(RTL_RUNTIME)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

rtl_link = mkdir -p $(@D) && $(CXX) $(LDFLAGS) -o $@ $^ $(call syslibs,sim) -lz

$(BUILD)/bin/pare-cosim: $(call mains,rtl) $(BUILD)/obj/rtl/platform.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link) -lsystemc
$(BUILD)/tests/test_rtl_%: $(BUILD)/obj/tests/test_rtl_%.o $(BUILD)/obj/tests/gtck.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link) $(LIBS_check)
$(BUILD)/bench/bench_rtl_%: $(BUILD)/obj/tests/bench/bench_rtl_%.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link)

# ---- SystemC ----------------------------------------------------------------------------------
# The kind stripes as an sc_module. Debian's library links with C++17 only: never another -std here.
SC_KIND := stripes
SC_CXX   = $(RTL_MODEL_CXX) -DVM_TRACE=0 -DVM_TRACE_FST=0 -DVM_SC=1
$(BUILD)/verilated/sc_pe.o: $(RTL_DEPS)
	$(call say,VL,$@)
	$(Q)rm -rf $(@:.o=) && mkdir -p $(@:.o=)
	$(Q)$(VERILATE) --sc --prefix Vsc_pe --Mdir $(abspath $(@:.o=)) \
	  $(call rtl_params,$(SC_KIND)) $(RTL_SV)
	$(Q)cd $(@:.o=) && for f in *.cpp verilated.cpp verilated_threads.cpp; do echo "#include \"$$f\""; done >all.cc
	$(Q)$(SC_CXX) -I$(@:.o=) -c -o $@ $(@:.o=)/all.cc
$(BUILD)/obj/rtl/systemc_bench.o: rtl/systemc_bench.cpp $(BUILD)/verilated/sc_pe.o
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(ALL_CXXFLAGS) -DVM_TRACE=0 -DVM_TRACE_FST=0 -DVM_SC=1 \
	  -isystem $(VERILATOR_INCLUDE) -isystem $(VERILATOR_INCLUDE)/vltstd \
	  -isystem $(BUILD)/verilated/sc_pe -I. -MMD -MP -c -o $@ $<
$(BUILD)/tests/systemc_pe: $(BUILD)/obj/rtl/systemc_bench.o $(BUILD)/verilated/sc_pe.o \
  $(patsubst %,$(BUILD)/obj/rtl/%.o,cosim_case coverage bins sum_bins pe_bins kinds cosim_kind) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(LDFLAGS) -o $@ $^ $(call syslibs,sim) -lsystemc

# the platform: SystemC around the machines' C handle
$(BUILD)/obj/rtl/platform.o: rtl/platform.cpp
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(ALL_CXXFLAGS) -I. -MMD -MP -c -o $@ $<
$(BUILD)/tests/test_rtl_platform: $(BUILD)/obj/tests/test_rtl_platform.o $(BUILD)/obj/tests/gtck.o \
  $(BUILD)/obj/rtl/platform.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link) -lsystemc $(LIBS_check)
$(BUILD)/bench/bench_rtl_machine: $(BUILD)/obj/tests/bench/bench_rtl_machine.o \
  $(BUILD)/obj/rtl/platform.o $(RTL_LIB) $(call libs,sim)
	$(call say,LD,$@)
	$(Q)$(rtl_link) -lsystemc

RTL_CHECKS := $(BUILD)/tests/systemc_pe rtl/lint.sh

rtl: $(BUILD)/bin/pare-cosim ## Build the Verilated models and pare-cosim

rtl-lint: ## Lint every RTL module alone over a matrix of parameters (Verilator, Yosys)
	$(Q)rtl/lint.sh

# what Verilator is told of a kind, for scripts
rtl-parameters-%:
	@echo $(call rtl_params,$*)
rtl-sources:
	@echo $(RTL_SV)
accel-parameters-%:
	@echo $(call accel_flags,$*) -DPARE_IN_ARRAY $(call accel_params,$*) --top-module pare_accel rtl/pare_accel.vlt
accel-sources:
	@echo $(ACCEL_SV)

rtl-mutants: rtl ## Break the RTL in many ways; pare-cosim must notice each
	$(Q)BUILD=$(BUILD) rtl/mutants.sh

formal: ## Prove the PEs and their handshakes for all inputs, netlists equal to the RTL (minutes)
	$(Q).ci/deps formal
	$(Q)tests/formal/run.sh
rtl-slow: rtl ## The RTL's long campaigns: all coverage bins of PEs and machines, mutants, proofs
	$(Q).ci/deps formal
	$(Q)$(BUILD)/bin/pare-cosim pe --count 1000000 --seed 2 --full
	$(Q)for m in pare4 pare4_skew pare_odd pare_fusion pare_fusion_odd pare_term; do $(BUILD)/bin/pare-cosim layer --random 8000 -m $$m --seed 2 --full --coverage || exit; done
	$(Q)MACHINE=1 BUILD=$(BUILD) rtl/mutants.sh
	$(Q)tests/formal/run.sh
.PHONY: rtl-mutants rtl-slow formal
