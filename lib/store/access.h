/* SPDX-License-Identifier: ISC */
/* What a store is opened for. */
#ifndef TL_STORE_ACCESS_H
#define TL_STORE_ACCESS_H

enum tl_store_access {
    TL_STORE_WRITE,   /* the one process that appends; it reads too */
    TL_STORE_STOPPED, /* to read what nobody appends to; nothing is written */
    TL_STORE_BESIDE,  /* to read beside the process that appends, whether it is there or not */
};

#endif
