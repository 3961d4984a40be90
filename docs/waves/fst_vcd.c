/* An FST file as a VCD on stdout, with the reader that Verilator ships (docs/waves/make.sh compiles
 * it so). Status 2 if the file is none. */
#include "fstapi.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    void *const reader = argc == 2 ? fstReaderOpen(argv[1]) : NULL;
    if (!reader) return 2;
    fstReaderProcessHier(reader, stdout);
    fstReaderSetFacProcessMaskAll(reader);
    fstReaderIterBlocks(reader, NULL, NULL, stdout);
    fstReaderClose(reader);
    return 0;
}
