#pragma once

/// For a function whose loops gain by the instructions of newer processors: it is compiled for
/// several kinds, of which the program picks one when it starts. The sanitizers cannot run what
/// picks, and Clang 14 does not know the kinds. Not for functions with OpenMP in them, whose loops
/// would be compiled for one kind only.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__clang__)
#define VIDGEN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VIDGEN_CLONES
#endif

/// For what such a function calls, so that it is compiled as that is. Lambdas have it behind their
/// parameters.
#define VIDGEN_INLINE inline VIDGEN_INLINE_LAMBDA
#define VIDGEN_INLINE_LAMBDA __attribute__((always_inline))
