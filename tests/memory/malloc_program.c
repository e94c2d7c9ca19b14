/* A program whose use of malloc is known: MODE says which. It prints "at ADDRESS ROOM" of
   some of what it holds, "ready HELD FREED", bytes, and then waits. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t held, freed;

static void *tell(char *memory) {
  printf("at %p %zu\n", memory, malloc_usable_size(memory));
  return memory;
}

static void *fill(size_t size) { return memset(malloc(size), 1, size); }

/* Many of one size, of which one in `every` is kept. */
static void holes(size_t count, size_t size, size_t every) {
  void **all = malloc(count * sizeof *all);
  for (size_t i = 0; i < count; i++) all[i] = fill(size);
  for (size_t i = 0; i < count; i++) {
    if (i % every) {
      free(all[i]);
      freed += size;
    } else {
      held += size;
      if (i % 200 == 0) tell(all[i]);
    }
  }
}

static void *holes_in_thread(void *unused) {
  holes(25000, 4000, 4);
  return unused;
}

/* The kernel's heap cannot grow beyond `left` bytes. */
static void block_break(size_t left) {
  char *end = (char *)(((size_t)sbrk(0) + 4095) & ~(size_t)4095);
  mmap(end + left, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Changes what it holds all the time: at most 300 times 20,016 bytes. */
static void *churn(void *seed) {
  static __thread void *some[300];
  unsigned state = (unsigned)(size_t)seed;
  for (;;) {
    state = state * 1664525u + 1013904223u;
    unsigned i = (state >> 16) % 300;
    free(some[i]);
    some[i] = malloc((state >> 8) % 20000 + 16);
  }
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "";
  pthread_t thread;
  if (!strcmp(mode, "holes")) {
    holes(30000, 3000, 10);
  } else if (!strcmp(mode, "thread")) {
    pthread_create(&thread, 0, holes_in_thread, 0);
    while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE)) usleep(1000);
    pthread_join(thread, 0);
  } else if (!strcmp(mode, "blocked")) {
    block_break(1 << 20);
    holes(30000, 3000, 10);
    for (int i = 0; i < 20; i++) held += 200000, tell(fill(200000));
  } else if (!strcmp(mode, "no_break")) {
    block_break(0);
    holes(20000, 3000, 10);
  } else if (!strcmp(mode, "end")) {
    char **all = malloc(25000 * sizeof *all);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (int i = 0; i < 25000; i++) all[i] = fill(3000);
    for (int i = 0; i < 25000; i++) free(all[i]), freed += 3000;
  } else if (!strcmp(mode, "churn")) {
    holes(10000, 1000, 1000000);
    for (int i = 0; i < 10000; i++) held += 1000, fill(1000);
    pthread_create(&thread, 0, churn, (void *)1);
    printf("ready %zu %zu\n", held, freed);
    fflush(stdout);
    churn((void *)2);
  }
  printf("ready %zu %zu\n", held, freed);
  fflush(stdout);
  for (;;) pause();
}
