/* dtype.c: the weight types that Sotto reads. Block formats: ggml's ggml-common.h; numbers: the GGUF specification. */
#include "gguf.h"

static const struct dtype types[] = {
    {"F32", GGUF_F32, 1, 4},      {"F16", GGUF_F16, 1, 2},      {"BF16", GGUF_BF16, 1, 2},    {"Q4_0", GGUF_Q4_0, 32, 18},
    {"Q4_1", GGUF_Q4_1, 32, 20},  {"Q5_0", GGUF_Q5_0, 32, 22},  {"Q5_1", GGUF_Q5_1, 32, 24},  {"Q8_0", GGUF_Q8_0, 32, 34},
    {"Q2_K", GGUF_Q2_K, 256, 84}, {"Q3_K", GGUF_Q3_K, 256, 110}, {"Q4_K", GGUF_Q4_K, 256, 144}, {"Q5_K", GGUF_Q5_K, 256, 176},
    {"Q6_K", GGUF_Q6_K, 256, 210}, {"IQ4_NL", GGUF_IQ4_NL, 32, 18}, {"IQ4_XS", GGUF_IQ4_XS, 256, 136},
    {"MXFP4", GGUF_MXFP4, 32, 17}, {"NVFP4", GGUF_NVFP4, 64, 36}, {"Q1_0", GGUF_Q1_0, 128, 18}, {"Q2_0", GGUF_Q2_0, 64, 18},
    {"TQ1_0", GGUF_TQ1_0, 256, 54}, {"TQ2_0", GGUF_TQ2_0, 256, 66},
    {"IQ1_S", GGUF_IQ1_S, 256, 50},
    {"IQ1_M", GGUF_IQ1_M, 256, 56},
    {"IQ2_XXS", GGUF_IQ2_XXS, 256, 66},
    {"IQ2_XS", GGUF_IQ2_XS, 256, 74},
    {"IQ2_S", GGUF_IQ2_S, 256, 82},
    {"IQ3_XXS", GGUF_IQ3_XXS, 256, 98},
    {"IQ3_S", GGUF_IQ3_S, 256, 110},
};

const struct dtype *dtype_find(uint32_t type) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == type) return &types[i];
  return NULL;
}

const char *sotto_type_name(uint32_t type) {
  const struct dtype *dtype = dtype_find(type);
  return dtype ? dtype->name : "unknown";
}
