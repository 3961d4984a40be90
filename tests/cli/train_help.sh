# status: 0
"$BIN"/pare-train --help
