/* gguf.h: what the rest of the engine needs of the directory beyond sotto.h. Implemented in gguf.c. */
#ifndef SOTTO_GGUF_H
#define SOTTO_GGUF_H

#include "error.h"

#define GGUF_MAX_KEYS 1024    /* real files have 20 to 60 */
#define GGUF_MAX_TENSORS 8192 /* real files of up to 3 B parameters have 150 to 2,000 */

/* GGUF type numbers of the types that Sotto reads. */
enum gguf_type {
  GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q4_0 = 2, GGUF_Q4_1 = 3, GGUF_Q5_0 = 6, GGUF_Q5_1 = 7, GGUF_Q8_0 = 8,
  GGUF_Q2_K = 10, GGUF_Q3_K = 11, GGUF_Q4_K = 12, GGUF_Q5_K = 13, GGUF_Q6_K = 14, GGUF_IQ2_XXS = 16, GGUF_IQ2_XS = 17,
  GGUF_IQ3_XXS = 18, GGUF_IQ1_S = 19, GGUF_IQ4_NL = 20, GGUF_IQ3_S = 21, GGUF_IQ2_S = 22, GGUF_IQ4_XS = 23, GGUF_IQ1_M = 29,
  GGUF_BF16 = 30, GGUF_TQ1_0 = 34, GGUF_TQ2_0 = 35, GGUF_MXFP4 = 39, GGUF_NVFP4 = 40, GGUF_Q1_0 = 41, GGUF_Q2_0 = 42
};

/* One row of the type table (dtype.c): a type's name and its blocks. */
struct dtype {
  const char *name;     /* GGUF's spelling: "Q4_K" */
  uint32_t type;        /* enum gguf_type */
  uint32_t block_items; /* weights in a block */
  uint32_t block_bytes;
};
const struct dtype *dtype_find(uint32_t type); /* NULL: Sotto does not read this type */

/* Reads one number of any integer, bool or float type; an array's element by index. False: another type, or out of range. */
bool gguf_value_u64(const struct sotto_value *value, uint32_t index, uint64_t *out);
bool gguf_value_f32(const struct sotto_value *value, uint32_t index, float *out);

/* Walks an array of strings: *at starts at 0 and is moved on; false at the end. */
bool gguf_next_string(const struct sotto_value *array, uint32_t *at, const char **text, uint32_t *text_bytes);

enum sotto_status gguf_find_tensor(const sotto_gguf *gguf, const char *name, struct sotto_tensor_info *info); /* MISSING_TENSOR */
uint64_t gguf_value_offset(const sotto_gguf *gguf, const struct sotto_value *value); /* file offset, for errors */

#endif
