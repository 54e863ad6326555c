// Functions that are compiled for several generations of processors, of which the one that runs takes its own.
#ifndef LIKENESS_SERVER_VERIFICATION_WIDE_VECTORS_H_
#define LIKENESS_SERVER_VERIFICATION_WIDE_VECTORS_H_

// In front of a function that goes over many numbers: twice to four times as fast where the processor has AVX2, with
// the same result to the last bit (no multiplication is fused with an addition). Not under a sanitizer, which is not
// there yet when the loader chooses, nor by Clang, which the fuzz targets are built with.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LIKENESS_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define LIKENESS_WIDE_VECTORS
#endif

#endif  // LIKENESS_SERVER_VERIFICATION_WIDE_VECTORS_H_
