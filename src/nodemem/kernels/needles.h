/* The next byte that may begin a record of V8's, or end what marks one, a block at a time. */
#ifndef NODEMEM_NEEDLES_H
#define NODEMEM_NEEDLES_H

#include <stddef.h>

#define NODEMEM_BLOCK 64

/* The first position from `at` on, below `end`, of `[`, of ` ms: ` or of `<---`; `end` if there is none. Nothing at or behind `end` is read. */
static ptrdiff_t nodemem_next_needle(const unsigned char *text, ptrdiff_t at, ptrdiff_t end)
{
    while (end - at >= NODEMEM_BLOCK + 4) {
        const unsigned char *block = text + at;
        unsigned char any = 0;
        for (int i = 0; i < NODEMEM_BLOCK; i++)
            any |= (unsigned char)((block[i] == '[')
                | ((block[i + 1] == 'm') & (block[i + 2] == 's') & (block[i + 3] == ':'))
                | ((block[i] == '<') & (block[i + 1] == '-') & (block[i + 2] == '-')));
        if (any)
            break;
        at += NODEMEM_BLOCK;
    }
    for (; at < end; at++) {
        if (text[at] == '[')
            return at;
        if (text[at] == ' ' && end - at > 4 && text[at + 1] == 'm' && text[at + 2] == 's'
            && text[at + 3] == ':' && text[at + 4] == ' ')
            return at;
        if (text[at] == '<' && end - at > 3 && text[at + 1] == '-' && text[at + 2] == '-'
            && text[at + 3] == '-')
            return at;
    }
    return end;
}

#endif
