/* Decimal numbers, several at a time: four with AVX2, eight with AVX-512 (VBMI2).

   Only what is usual is read: whole numbers below 2**32 with one comma between them, and blanks.
   Where anything else stands, reading stops before it, and the caller goes on byte by byte, which
   is how all is read on other processors (scan.py). */
#ifndef NODEMEM_DIGITS_H
#define NODEMEM_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define NODEMEM_VECTORS \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt")))

#define NODEMEM_VECTORS_OF_FOUR __attribute__((target("avx2,bmi,popcnt")))

static int nodemem_has_vectors(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        && __builtin_cpu_supports("popcnt");
}

static int nodemem_has_wide_vectors(void)
{
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
}

/* The values of up to eight digits each, the last `length` (at most 8) bytes of `text`. */
NODEMEM_VECTORS static inline __m512i nodemem_eight_digits(__m512i text, __m512i length)
{
    __m512i unused = _mm512_slli_epi64(_mm512_sub_epi64(_mm512_set1_epi64(8), length), 3);
    __m512i digits = _mm512_xor_si512(text, _mm512_set1_epi8('0'));
    digits = _mm512_sllv_epi64(_mm512_srlv_epi64(digits, unused), unused);
    __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010a));
    __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
    return _mm512_add_epi64(
        _mm512_mul_epu32(fours, _mm512_set1_epi64(10000)), _mm512_srli_epi64(fours, 32));
}

/* Append the positions of the bytes that are no digits, counted from `base`; how many then. */
NODEMEM_VECTORS static inline uint32_t nodemem_note(
    uint64_t others, uint32_t base, uint32_t *marks, uint32_t count)
{
    static const unsigned char numbered[64] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
        43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    };
    unsigned char places[64];
    uint32_t found = (uint32_t) _mm_popcnt_u64(others);
    _mm512_storeu_si512(
        places, _mm512_maskz_compress_epi8(others, _mm512_loadu_si512(numbered)));
    for (uint32_t i = 0; i < found; i += 16) {
        __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) (places + i)));
        _mm512_storeu_si512(
            marks + count + i, _mm512_add_epi32(wide, _mm512_set1_epi32((int) base)));
    }
    return count + found;
}

/* `nodemem_usual_numbers` by eight. */
NODEMEM_VECTORS static ptrdiff_t nodemem_numbers_by_eight(
    const unsigned char *text, ptrdiff_t *at, ptrdiff_t end, int *comma_next, uint32_t *out)
{
    enum { ROOM = 1024 };
    uint32_t marks[ROOM + 64 + 16];
    const unsigned char *base = text + *at;
    uint64_t size = (uint64_t) (end - *at), offset = 0, in_number = 0, comma = *comma_next != 0;
    ptrdiff_t numbers = 0;
    uint32_t count = 1;
    int usual = 1;
    if (size > UINT32_MAX / 2)
        size = UINT32_MAX / 2;
    marks[0] = UINT32_MAX; /* one before the first byte */
    while (usual) {
        while (count < ROOM && (usual = size - offset >= 64)) {
            __m512i bytes = _mm512_loadu_si512(base + offset);
            uint64_t digits = _mm512_cmplt_epu8_mask(
                _mm512_sub_epi8(bytes, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
            uint64_t commas = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(','));
            uint64_t blanks = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '))
                | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'))
                | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\r'))
                | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\t'));
            uint64_t starts = digits & ~(digits << 1 | in_number), events = starts | commas;
            uint32_t happened = (uint32_t) _mm_popcnt_u64(events);
            /* Numbers and commas must take turns. */
            uint64_t turns = comma ? 0xAAAAAAAAAAAAAAAAull : 0x5555555555555555ull;
            usual = (digits | commas | blanks) == UINT64_MAX
                && _pext_u64(starts, events) == _bzhi_u64(turns, happened);
            if (!usual)
                break;
            comma ^= happened & 1;
            in_number = digits >> 63;
            count = nodemem_note(~digits, (uint32_t) offset, marks, count);
            offset += 64;
        }
        for (uint32_t i = 1; i < count; i += 8) {
            __mmask8 lanes = (__mmask8) (count - i < 8 ? (1u << (count - i)) - 1 : 0xFF);
            __m256i ends = _mm256_maskz_loadu_epi32(lanes, marks + i);
            __m256i lengths32 = _mm256_sub_epi32(
                _mm256_sub_epi32(ends, _mm256_maskz_loadu_epi32(lanes, marks + i - 1)),
                _mm256_set1_epi32(1));
            __m512i lengths = _mm512_cvtepu32_epi64(lengths32), eight = _mm512_set1_epi64(8);
            __mmask8 filled = lanes & _mm256_test_epi32_mask(lengths32, lengths32);
            __mmask8 longer = filled & _mm512_cmpgt_epu64_mask(lengths, eight), refused = 0;
            __m512i places = _mm512_sub_epi64(_mm512_cvtepu32_epi64(ends), eight);
            __m512i values = nodemem_eight_digits(
                _mm512_mask_i64gather_epi64(eight, filled, places, base, 1),
                _mm512_min_epu64(lengths, eight));
            if (longer) {
                __m512i before = nodemem_eight_digits(
                    _mm512_mask_i64gather_epi64(
                        eight, longer, _mm512_sub_epi64(places, eight), base, 1),
                    _mm512_min_epu64(_mm512_sub_epi64(lengths, eight), eight));
                values = _mm512_mask_add_epi64(
                    values, longer, values,
                    _mm512_mul_epu32(before, _mm512_set1_epi64(100000000)));
                refused = longer
                    & (_mm512_cmpgt_epu64_mask(values, _mm512_set1_epi64(UINT32_MAX))
                        | _mm512_cmpgt_epu64_mask(lengths, _mm512_set1_epi64(16)));
                if (refused)
                    filled &= (__mmask8) ((refused & -refused) - 1);
            }
            uint32_t taken = (uint32_t) _mm_popcnt_u32(filled);
            _mm256_mask_storeu_epi32(
                out + numbers, (__mmask8) _bzhi_u32(0xFF, taken),
                _mm256_maskz_compress_epi32(filled, _mm512_cvtepi64_epi32(values)));
            numbers += taken;
            if (refused) {
                *at += (ptrdiff_t) (uint32_t) (marks[i - 1 + (uint32_t) __builtin_ctz(refused)] + 1);
                *comma_next = 0;
                return numbers;
            }
        }
        marks[0] = marks[count - 1];
        count = 1;
    }
    /* Behind the last mark stands the beginning of a number, or nothing yet. */
    *at += (ptrdiff_t) (uint32_t) (marks[0] + 1);
    *comma_next = (int) (comma && !in_number);
    return numbers;
}

/* The same of four. */
NODEMEM_VECTORS_OF_FOUR static inline __m256i nodemem_four_by_eight_digits(
    __m256i text, __m256i length)
{
    /* A shift by 64 gives 0. */
    __m256i unused = _mm256_slli_epi64(_mm256_sub_epi64(_mm256_set1_epi64x(8), length), 3);
    __m256i digits = _mm256_xor_si256(text, _mm256_set1_epi8('0'));
    digits = _mm256_sllv_epi64(_mm256_srlv_epi64(digits, unused), unused);
    __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010a));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    return _mm256_add_epi64(
        _mm256_mul_epu32(fours, _mm256_set1_epi64x(10000)), _mm256_srli_epi64(fours, 32));
}

/* Eight bytes from each of four places. */
NODEMEM_VECTORS_OF_FOUR static inline __m256i nodemem_from(
    const unsigned char *base, const uint32_t *places)
{
    __m128i low = _mm_loadl_epi64((const __m128i *) (base + (ptrdiff_t) (int32_t) places[0]));
    __m128i high = _mm_loadl_epi64((const __m128i *) (base + (ptrdiff_t) (int32_t) places[2]));
    low = _mm_castpd_si128(_mm_loadh_pd(
        _mm_castsi128_pd(low), (const double *) (base + (ptrdiff_t) (int32_t) places[1])));
    high = _mm_castpd_si128(_mm_loadh_pd(
        _mm_castsi128_pd(high), (const double *) (base + (ptrdiff_t) (int32_t) places[3])));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* Which of 64 bytes are digits and which commas; 0 when others are among them than these and
   blanks. */
NODEMEM_VECTORS_OF_FOUR static inline int nodemem_tell_apart(
    const unsigned char *text, uint64_t *digits, uint64_t *commas)
{
    uint64_t blanks = 0;
    *digits = *commas = 0;
    for (int part = 0; part < 64; part += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *) (text + part));
        __m256i values = _mm256_xor_si256(bytes, _mm256_set1_epi8('0'));
        __m256i lines = _mm256_or_si256(
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')),
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r')));
        __m256i spaces = _mm256_or_si256(
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')),
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\t')));
        *digits |= (uint64_t) (uint32_t) _mm256_movemask_epi8(_mm256_cmpeq_epi8(
            _mm256_min_epu8(values, _mm256_set1_epi8(9)), values)) << part;
        *commas |= (uint64_t) (uint32_t) _mm256_movemask_epi8(
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(','))) << part;
        blanks |= (uint64_t) (uint32_t) _mm256_movemask_epi8(
            _mm256_or_si256(lines, spaces)) << part;
    }
    return (*digits | *commas | blanks) == UINT64_MAX;
}

/* Each bit: whether up to it, itself included, the number of set bits is odd. */
static inline uint64_t nodemem_odd_so_far(uint64_t bits)
{
    for (int step = 1; step < 64; step *= 2)
        bits ^= bits << step;
    return bits;
}

/* `nodemem_usual_numbers` by four. */
NODEMEM_VECTORS_OF_FOUR static ptrdiff_t nodemem_numbers_by_four(
    const unsigned char *text, ptrdiff_t *at, ptrdiff_t end, int *comma_next, uint32_t *out)
{
    enum { ROOM = 1024 };
    /* By which four items stand together in front, of those that a bit is set for. */
    static const uint32_t together[16][4] = {
#define ITEM(i) (0x03020100u + 0x04040404u * (i))
#define ITEMS(a, b, c, d) {ITEM(a), ITEM(b), ITEM(c), ITEM(d)}
        ITEMS(0, 0, 0, 0), ITEMS(0, 0, 0, 0), ITEMS(1, 0, 0, 0), ITEMS(0, 1, 0, 0),
        ITEMS(2, 0, 0, 0), ITEMS(0, 2, 0, 0), ITEMS(1, 2, 0, 0), ITEMS(0, 1, 2, 0),
        ITEMS(3, 0, 0, 0), ITEMS(0, 3, 0, 0), ITEMS(1, 3, 0, 0), ITEMS(0, 1, 3, 0),
        ITEMS(2, 3, 0, 0), ITEMS(0, 2, 3, 0), ITEMS(1, 2, 3, 0), ITEMS(0, 1, 2, 3),
#undef ITEMS
#undef ITEM
    };
    uint32_t marks[ROOM + 64 + 8];
    const unsigned char *base = text + *at;
    uint64_t size = (uint64_t) (end - *at), offset = 0, in_number = 0;
    uint64_t comma = *comma_next ? UINT64_MAX : 0, digits, commas;
    const __m256i eight = _mm256_set1_epi64x(8);
    ptrdiff_t numbers = 0;
    uint32_t count = 1;
    int usual = 1;
    if (size > INT32_MAX / 2)
        size = INT32_MAX / 2;
    marks[0] = UINT32_MAX; /* one before the first byte */
    while (usual) {
        /* Eight more bytes, for the marks behind the last. */
        while (count < ROOM && (usual = size - offset >= 64 + 8)) {
            usual = nodemem_tell_apart(base + offset, &digits, &commas);
            /* Numbers and commas must take turns. */
            uint64_t starts = digits & ~(digits << 1 | in_number);
            uint64_t odd = nodemem_odd_so_far(starts | commas) ^ comma;
            usual = usual && !((starts & ~odd) | (commas & odd));
            if (!usual)
                break;
            comma = odd >> 63 ? UINT64_MAX : 0;
            in_number = digits >> 63;
            uint64_t others = ~digits;
            uint32_t found = (uint32_t) _mm_popcnt_u64(others);
            for (uint32_t i = 0; i < found; i += 8)
                for (uint32_t k = i; k < i + 8; k++, others &= others - 1)
                    marks[count + k] = (uint32_t) offset + (uint32_t) _tzcnt_u64(others);
            count += found;
            offset += 64;
        }
        for (uint32_t i = 0; i < 3; i++) /* three more numbers without digits */
            marks[count + i] = marks[count - 1] + 1 + i;
        for (uint32_t i = 1; i < count; i += 4) {
            __m128i ends = _mm_loadu_si128((const __m128i *) (marks + i));
            __m128i lengths32 = _mm_sub_epi32(
                _mm_sub_epi32(ends, _mm_loadu_si128((const __m128i *) (marks + i - 1))),
                _mm_set1_epi32(1));
            __m256i lengths = _mm256_cvtepu32_epi64(lengths32);
            __m256i over = _mm256_sub_epi64(lengths, eight);
            __m256i longer = _mm256_cmpgt_epi64(lengths, eight);
            __m256i values = nodemem_four_by_eight_digits(
                nodemem_from(base - 8, marks + i), _mm256_blendv_epi8(lengths, eight, longer));
            if (!_mm256_testz_si256(longer, longer)) {
                __m256i too_long = _mm256_cmpgt_epi64(over, eight);
                __m256i before = nodemem_four_by_eight_digits(
                    nodemem_from(base - 16, marks + i), _mm256_and_si256(over, longer));
                values = _mm256_add_epi64(
                    values, _mm256_mul_epu32(before, _mm256_set1_epi64x(100000000)));
                int refused = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_or_si256(
                    too_long, _mm256_cmpgt_epi64(values, _mm256_set1_epi64x(UINT32_MAX)))));
                if (refused) {
                    uint32_t good = (uint32_t) __builtin_ctz((unsigned) refused);
                    uint64_t each[4];
                    _mm256_storeu_si256((__m256i *) each, values);
                    for (uint32_t k = 0; k < good; k++) {
                        out[numbers] = (uint32_t) each[k];
                        numbers += marks[i + k] - marks[i + k - 1] != 1;
                    }
                    *at += (ptrdiff_t) (uint32_t) (marks[i + good - 1] + 1);
                    *comma_next = 0;
                    return numbers;
                }
            }
            int filled = _mm_movemask_ps(_mm_castsi128_ps(
                _mm_cmpgt_epi32(lengths32, _mm_setzero_si128())));
            __m128i four = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
                values, _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0)));
            _mm_storeu_si128((__m128i *) (out + numbers), _mm_shuffle_epi8(
                four, _mm_loadu_si128((const __m128i *) together[filled])));
            numbers += _mm_popcnt_u32((unsigned) filled);
        }
        marks[0] = marks[count - 1];
        count = 1;
    }
    *at += (ptrdiff_t) (uint32_t) (marks[0] + 1);
    *comma_next = (int) (comma && !in_number);
    return numbers;
}

/* Put the numbers of text[*at:end] into `out`, as long as all is usual; how many.

   *at moves on behind the last that was taken, `*comma_next` says what must follow there. At least
   16 bytes of text precede *at, and `out` has room for half as many numbers as bytes and four. */
static ptrdiff_t nodemem_usual_numbers(
    const unsigned char *text, ptrdiff_t *at, ptrdiff_t end, int *comma_next, uint32_t *out)
{
    return nodemem_has_wide_vectors() ? nodemem_numbers_by_eight(text, at, end, comma_next, out)
                                      : nodemem_numbers_by_four(text, at, end, comma_next, out);
}

#else

static int nodemem_has_vectors(void)
{
    return 0;
}

static ptrdiff_t nodemem_usual_numbers(
    const unsigned char *text, ptrdiff_t *at, ptrdiff_t end, int *comma_next, uint32_t *out)
{
    (void) text, (void) at, (void) end, (void) comma_next, (void) out;
    return 0;
}

#endif
#endif
