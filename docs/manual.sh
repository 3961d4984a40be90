#!/usr/bin/env bash
# Write manual pages (man/man1/PROGRAM.1) and bash completion (completions/PROGRAM) from the
# programs' own option tables (--help-table). BIN: the programs' folder. Argument: where to.
set -eu
cd "$(dirname "$0")/.."
BIN=${BIN:-build/bin}
out=${1:-build/share}
mkdir -p "$out/man/man1" "$out/completions"

# the tables of a program: its own, then each command's after a line "of COMMAND"
tables() {
  "$BIN/$1" --help-table
  "$BIN/$1" --help-table | awk -F'\t' '$1 == "command" { print $2 }' | while read -r command; do
    printf 'of\t%s\n' "$command"
    "$BIN/$1" "$command" --help-table
  done
}

# ---- manual pages ----
man_page() {
  local version
  version=$("$BIN/$1" --version | awk '{ print $NF }')
  tables "$1" | awk -F'\t' -v program="$1" -v version="$version" '
    function roff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.\047]/) s = "\\&" s; return s }
    BEGIN { printf ".TH %s 1 \"\" \"pare %s\" \"pare\"\n", toupper(program), version }
    $1 == "of" { of = $2; n_options = 0 }
    $1 == "usage" && !of { usage = $2 }
    $1 == "usage" && of { printf ".SS \"%s %s\"\n.B %s\n.PP\n", program, of, roff($2) }
    $1 == "doc" && !of {
      sum = $2; sub(/[.;:].*/, "", sum)
      printf ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n%s\n", program, roff(sum), roff(usage), roff($2)
    }
    $1 == "doc" && of { print roff($2) }
    $1 == "option" {
      if (!n_options++ && !of) print ".SH OPTIONS"
      printf ".TP\n.B %s\\-\\-%s%s\n%s\n", $3 == "-" ? "" : "\\-" $3 ", ", roff($2), $4 == "-" ? "" : "\\fR \\fI" roff($4) "\\fR", roff($5)
    }
    $1 == "command" { if (!n_commands++) print ".SH COMMANDS"
      printf ".TP\n.B %s\\fR %s\n%s\n", roff($2), $3 == "-" ? "" : "\\fI" roff($3) "\\fR", roff($4) }
    END {
      print ".PP\n\\-\\-help and \\-\\-version stand beside every command\047s own options."
      print ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nit ran and failed: a check did not hold, input or output, memory\n.TP\n.B 2\nthe command line is wrong"
      print ".TP\n.B 3\nan input file is wrong; the message names file, line and column\n.TP\n.B 4\nwith \\-\\-strict: points of a sweep failed\n.TP\n.B 128+n\nended by signal n; the same command goes on"
      print ".SH ENVIRONMENT\n.TP\n.B PARE_DATA\na share/pare folder or a source tree with the shipped networks, machines, bits and tables"
      print ".SH SEE ALSO"
      n = split("pare\\-trace pare\\-train pare\\-sim pare\\-cosim", all, " ")
      for (i = 1; i <= n; i++) if (all[i] != roff(program)) list = list (list ? ", " : "") "\\fB" all[i] "\\fR(1)"
      print list
    }'
}

# ---- completion ----
completion() {
  local name=_${1//-/_}
  cat <<TEXT
# bash completion of $1, made by \`make manual\` from its option tables
${name}_shipped() { # kind, suffix: names of shipped files
  local dir
  for dir in "\${PARE_DATA:-}/\$1" "\$(dirname "\$(command -v $1 || echo .)")/../share/pare/\$1"; do
    [ -d "\$dir" ] && (cd "\$dir" && ls) | sed -n "s/\\\\.\$2\\\$//p" && return
  done
}
${name}_argument() { # the argument's name in the help: what may stand there
  local word=\$2
  case \$1 in
  *NETWORK*) COMPREPLY=(\$(compgen -W "\$(${name}_shipped networks net.yaml)" -- "\$word") \$(compgen -f -- "\$word")) ;;
  *MACHINE*) COMPREPLY=(\$(compgen -W "\$(${name}_shipped machines machine.yaml)" -- "\$word") \$(compgen -f -- "\$word")) ;;
  BITS) COMPREPLY=(\$(compgen -W "\$(${name}_shipped bits bits.yaml)" -- "\$word") \$(compgen -f -- "\$word")) ;;
  N | TEXT | KEY=VALUE) COMPREPLY=() ;;
  *) COMPREPLY=(\$(compgen -f -- "\$word")) ;;
  esac
}
$name() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} names= options arguments operand
TEXT
  tables "$1" | awk -F'\t' '
    function flush() {
      printf "  %s)\n    options=\"%s\"\n    arguments=\"%s\"\n    operand=\"%s\"\n    ;;\n", of == "" ? "*" : of, options " --help --version", arguments, operand[of]
    }
    $1 == "of" { if (of != "") flush(); else { own_options = options; own_arguments = arguments; print "  case $command in" } of = $2; options = arguments = "" }
    $1 == "command" { operand[$2] = $3; names = names " " $2 }
    $1 == "option" {
      options = options " --" $2
      if ($4 != "-") { arguments = arguments " --" $2 "=" $4; if ($3 != "-") arguments = arguments " -" $3 "=" $4 }
    }
    END {
      flush()
      of = ""; options = own_options; arguments = own_arguments; operand[""] = own_options == "" ? "-" : "NETWORK"
      flush()
      printf "  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && names=\"%s\"\n", names
    }'
  cat <<TEXT
  local pair
  for pair in \$arguments; do
    [ "\$before" = "\${pair%%=*}" ] && { ${name}_argument "\${pair#*=}" "\$word"; return; }
  done
  case \$word in
  -*) COMPREPLY=(\$(compgen -W "\$options" -- "\$word")) ;;
  *)
    [ "\$operand" = - ] || ${name}_argument "\$operand" "\$word"
    COMPREPLY+=(\$(compgen -W "\$names" -- "\$word"))
    ;;
  esac
}
complete -o filenames -F $name $1
TEXT
}

for program in pare-train pare-sim pare-cosim pare-trace; do
  [ -x "$BIN/$program" ] || continue
  man_page "$program" >"$out/man/man1/$program.1"
  completion "$program" >"$out/completions/$program"
done
