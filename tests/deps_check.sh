#!/usr/bin/env bash
# Who may include whom (docs/contributing.md): fails with file:line for every breach.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
forbid() { # files, pattern, reason
  local hits
  hits=$(grep -nE "^#[[:space:]]*include[[:space:]]*[<\"]($2)" $1 2>/dev/null)
  [ -z "$hits" ] && return
  printf '%s\n' "$hits" | sed -E "s|^([^:]+:[0-9]+):.*|\1: $3|"
  bad=1
}
shopt -s nullglob
traces=(traces/*.[ch]) model=(model/*.[ch]) sim=(sim/*.[ch]) rtl=(rtl/*.[ch] rtl/*.cpp)
[ ${#traces[@]} -eq 0 ] || forbid "${traces[*]}" '(model|sim|rtl)/|dnnl|sqlite|verilated|systemc' 'traces is the base; only libc, libyaml and zlib expected'
[ ${#model[@]} -eq 0 ] || forbid "${model[*]}" '(sim|rtl)/|sqlite|yaml\.h|zlib\.h' 'model uses traces and oneDNN only'
[ ${#sim[@]} -eq 0 ] || forbid "${sim[*]}" '(model|rtl)/|dnnl|yaml\.h|zlib\.h' 'sim uses traces only; it meets model in files'
[ ${#rtl[@]} -eq 0 ] || forbid "${rtl[*]}" 'model/|dnnl|yaml\.h|zlib\.h' 'rtl uses traces, the public header of sim, Verilator, SystemC'
for f in "${sim[@]}" "${model[@]}" "${rtl[@]}"; do
  case $f in */dnnl*|rtl/*) ;; *) forbid "$f" 'dnnl|oneapi/dnnl' 'oneDNN lives in model/dnnl*.c only' ;; esac
  case $f in model/comm.c) ;; *) forbid "$f" 'mpi\.h' 'MPI lives in model/comm.c only' ;; esac
  forbid "$f" 'traces/yaml_tree\.h' 'a private header of traces; traces/trace.h expected'
done
[ $bad -eq 0 ] && echo "deps-check: every #include is allowed"
exit $bad
