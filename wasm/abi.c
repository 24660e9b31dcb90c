/* abi.c: prints abi.js, which carries the constants and the struct layouts of sotto.h to JS. Compiled for wasm32, so
 * that sizes and offsets are those of the browser modules, and run once at build time. */
#include "sotto.h"

#include <stdio.h>

#define TYPE(value)                                                                                              \
  _Generic((value), int32_t: "i32", uint32_t: "u32", uint64_t: "u64", float: "f32", char *: "char", uint64_t *: "u64", \
           const char *: "ptr", const uint8_t *: "ptr", const struct sotto_logit_bias *: "ptr")

#define STRUCT(name, FIELDS)                                             \
  {                                                                      \
    struct name s;                                                       \
    (void)s;                                                             \
    printf("  %s: { size: %zu, fields: {\n", #name, sizeof s);           \
    FIELDS                                                               \
    printf("  } },\n");                                                  \
  }
#define F(field) printf("    %s: { offset: %zu, type: \"%s\" },\n", #field, (size_t)((char *)&s.field - (char *)&s), TYPE(s.field));

static void print_structs(void) {
  printf("export const STRUCTS = {\n");
  STRUCT(sotto_error, F(status) F(text_bytes) F(at_byte) F(text))
  STRUCT(sotto_value, F(key) F(data) F(key_bytes) F(type) F(item_type) F(n_items) F(data_bytes))
  STRUCT(sotto_tensor_info, F(name) F(name_bytes) F(type) F(n_dims) F(dims) F(file_offset) F(n_bytes))
  STRUCT(sotto_model_options, F(sizeof_options) F(level) F(file_bytes))
  STRUCT(sotto_model_info, F(n_parameters) F(weight_bytes) F(ready_bytes) F(total_bytes) F(level) F(n_layers) F(n_embd)
                               F(n_heads) F(n_kv_heads) F(head_dim) F(n_ff) F(n_vocab) F(n_ctx_train) F(can_tokenize)
                                   F(bos_token) F(eos_token) F(eot_token) F(add_bos) F(add_eos))
  STRUCT(sotto_session_options, F(sizeof_options) F(n_ctx) F(n_batch) F(n_wave) F(kv_type) F(n_threads))
  STRUCT(sotto_sampler_options, F(sizeof_options) F(seed) F(temperature) F(top_k) F(top_p) F(min_p) F(typical_p)
                                    F(penalty_last_n) F(repeat_penalty) F(frequency_penalty) F(presence_penalty)
                                        F(n_logit_biases) F(logit_biases))
  STRUCT(sotto_logit_bias, F(token) F(bias))
  printf("};\n");
}

#define CONSTANT(prefix, name) printf(" %s: %d,", #name, (int)prefix##name);

int main(void) {
  printf("// Generated from src/sotto.h by wasm/abi.c.\nexport const SOTTO_VERSION = \"%s\";\n", SOTTO_VERSION);
  printf("export const DEFAULT_WAVE = %d;\n", (int)SOTTO_DEFAULT_WAVE);
  printf("export const STATUS = {\n");
#define ITEM(name, text) printf("  %s: %d,\n", #name, (int)SOTTO_##name);
  SOTTO_STATUS_LIST(ITEM)
#undef ITEM
  printf("};\nexport const STATUS_TEXT = {\n");
#define ITEM(name, text) printf("  %s: \"%s\",\n", #name, text);
  SOTTO_STATUS_LIST(ITEM)
#undef ITEM
  printf("};\nexport const LEVEL = {");
  CONSTANT(SOTTO_LEVEL_, BEST) CONSTANT(SOTTO_LEVEL_, SCALAR) CONSTANT(SOTTO_LEVEL_, SIMD128) CONSTANT(SOTTO_LEVEL_, RELAXED)
  CONSTANT(SOTTO_LEVEL_, DOT)
  printf(" };\nexport const KV_TYPE = {");
  CONSTANT(SOTTO_KV_, DEFAULT) CONSTANT(SOTTO_KV_, F16) CONSTANT(SOTTO_KV_, F32) CONSTANT(SOTTO_KV_, INT8)
  printf(" };\nexport const POOLING = {");
  CONSTANT(SOTTO_POOLING_, DEFAULT) CONSTANT(SOTTO_POOLING_, MEAN) CONSTANT(SOTTO_POOLING_, FIRST) CONSTANT(SOTTO_POOLING_, LAST)
  CONSTANT(SOTTO_POOLING_, RANK)
  printf(" };\nexport const TOKENIZE = {");
  CONSTANT(SOTTO_TOKENIZE_, SPECIAL) CONSTANT(SOTTO_TOKENIZE_, BOS_EOS) CONSTANT(SOTTO_TOKENIZE_, FIRST)
  CONSTANT(SOTTO_TOKENIZE_, SECOND)
  printf(" };\nexport const VALUE_TYPE = {");
#define V(name) CONSTANT(SOTTO_VALUE_, name)
  V(U8) V(I8) V(U16) V(I16) V(U32) V(I32) V(F32) V(BOOL) V(STRING) V(ARRAY) V(U64) V(I64) V(F64)
  printf(" };\n");
  print_structs();
  return 0;
}
