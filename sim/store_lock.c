/* The lock of a store's one writer. It is of the open file, not of the process: SQLite's own locks
 * and their release leave it alone. It goes with the process, however that ends. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "sim/store_write.h"

#include <errno.h>
#include <fcntl.h>

bool store_lock(int file)
{
#ifdef F_OFD_SETLK
    /* far behind the bytes that SQLite locks */
    static const off_t LOCK_AT = (off_t)1 << 60;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = 1};
    /* a file system without locks has none to be refused by */
    return fcntl(file, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
#else
    (void)file;
    return true;
#endif
}
