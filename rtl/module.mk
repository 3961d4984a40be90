# Rules of rtl/: the Verilated models behind a C header, pare-cosim, the SystemC bench, RTL lint.
RTL_CHECKS :=

rtl: ## Build the Verilated models and pare-cosim
