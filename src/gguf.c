/* gguf.c: the first bytes of a file -> a directory of its keys and tensors. Nothing is copied: the directory holds
 * offsets into the caller's prefix. Format: the GGUF specification (header, key-values, tensor infos, aligned data).
 *
 * The scanner is a small machine that can stop after any byte: `at` only moves past what is complete and checked, and
 * `open` holds the arrays that it is inside of, so a vocabulary of 262,144 strings is walked once however it arrives. */
#include "gguf.h"

#include <string.h>

#define FIXED_BYTES 24              /* magic, version, tensor count, key count */
#define MAX_HEADER (256u << 20)     /* bytes; real headers have up to 20 million */
#define MAX_NAME 65535              /* bytes of a key, by the specification */
#define MAX_TENSOR_NAME 127         /* bytes; ggml's own limit is 63 */
#define MAX_DEPTH 4                 /* arrays in arrays */
#define DEFAULT_ALIGNMENT 32

enum phase { PHASE_FIXED, PHASE_KEYS, PHASE_ARRAY, PHASE_TENSORS, PHASE_DONE };

struct key_entry {
  uint64_t begin, end; /* of the whole key-value pair */
  uint32_t hash;
};

struct tensor_entry {
  uint64_t begin;             /* of the tensor info */
  uint64_t offset, n_bytes;   /* of the data, from the start of the data section */
  uint32_t hash;
};

struct sotto_gguf {
  const uint8_t *bytes;
  uint64_t n_bytes; /* of the prefix */
  uint64_t at;      /* everything before it is scanned */
  enum phase phase;
  uint32_t n_keys_left, n_tensors_left;
  uint32_t depth;
  struct { uint64_t n_left; uint32_t type; } open[MAX_DEPTH];
  uint64_t alignment, data_begin, file_bytes;
  uint32_t n_keys, n_tensors; /* complete ones */
  struct key_entry keys[GGUF_MAX_KEYS];
  struct tensor_entry tensors[GGUF_MAX_TENSORS];
};

size_t sotto_gguf_measure(void) { return sizeof(struct sotto_gguf); }

sotto_gguf *sotto_gguf_open(void *block) {
  sotto_gguf *gguf = block;
  gguf->bytes = NULL;
  gguf->n_bytes = gguf->at = gguf->data_begin = gguf->file_bytes = 0;
  gguf->phase = PHASE_FIXED;
  gguf->depth = gguf->n_keys = gguf->n_tensors = gguf->n_keys_left = gguf->n_tensors_left = 0;
  gguf->alignment = DEFAULT_ALIGNMENT;
  return gguf;
}

/* ---- reading ---- */

static uint16_t get_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get_u32(const uint8_t *p) { return get_u16(p) | (uint32_t)get_u16(p + 2) << 16; }
static uint64_t get_u64(const uint8_t *p) { return get_u32(p) | (uint64_t)get_u32(p + 4) << 32; }

static uint32_t hash_bytes(const uint8_t *p, uint64_t n) { /* FNV-1a */
  uint32_t hash = 2166136261u;
  for (uint64_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 16777619u;
  return hash;
}

/* Bytes of a value of fixed size; 0 for strings and arrays. */
static uint32_t value_bytes(uint32_t type) {
  static const uint8_t bytes[SOTTO_VALUE_TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return bytes[type];
}

/* A place in the prefix that is being read but not yet passed. */
struct cursor {
  const struct sotto_gguf *gguf;
  uint64_t at, need; /* need: the prefix that would have sufficed for a read that failed */
};

static bool can_read(struct cursor *cursor, uint64_t n) {
  if (n <= cursor->gguf->n_bytes && cursor->at <= cursor->gguf->n_bytes - n) return true;
  cursor->need = cursor->at + n; /* callers bound n by MAX_HEADER */
  return false;
}

static bool read_u32(struct cursor *cursor, uint32_t *out) {
  if (!can_read(cursor, 4)) return false;
  *out = get_u32(cursor->gguf->bytes + cursor->at);
  cursor->at += 4;
  return true;
}

static bool read_u64(struct cursor *cursor, uint64_t *out) {
  if (!can_read(cursor, 8)) return false;
  *out = get_u64(cursor->gguf->bytes + cursor->at);
  cursor->at += 8;
  return true;
}

static enum sotto_status truncated(const struct cursor *cursor, size_t *need_bytes, struct sotto_error *error) {
  *need_bytes = (size_t)cursor->need;
  return error_set(error, SOTTO_TRUNCATED, cursor->gguf->n_bytes, "the header goes on after the %U bytes that are there",
                   cursor->gguf->n_bytes);
}

#define READ_OR_STOP(call) do { if (!(call)) return truncated(&cursor, need_bytes, error); } while (0)

/* ---- magic, version, counts ---- */

/* What a file that is no GGUF looks like. */
static const char *looks_like(const uint8_t *p, uint64_t n) {
  static const struct { const char *start, *what; } known[] = {
      {"%PDF", "a PDF"}, {"<", "a web page: the server may have sent a page instead of the file"}, {"PK\3\4", "a zip archive"},
      {"version https://git-lfs", "a Git LFS pointer, not the file that it points to"},
      {"ggml", "an old ggml file"}, {"lmgg", "an old ggml file"}, {"tjgg", "an old ggml file"}, {"\x1f\x8b", "a gzip archive"},
      {"{", "JSON: the server may have sent a message instead of the file"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint64_t length = 0;
    while (known[i].start[length] && length < n && p[length] == (uint8_t)known[i].start[length]) length++;
    if (length && !known[i].start[length]) return known[i].what;
  }
  if (n >= 10 && p[8] == '{' && p[9] == '"') return "a safetensors file: convert it to GGUF";
  return NULL;
}

static enum sotto_status check_magic(const struct sotto_gguf *gguf, struct sotto_error *error) {
  const uint64_t n = gguf->n_bytes < 4 ? gguf->n_bytes : 4;
  if (memcmp(gguf->bytes, "GGUF", (size_t)n) == 0) return SOTTO_OK;
  const char *what = looks_like(gguf->bytes, gguf->n_bytes);
  return what ? error_set(error, SOTTO_NOT_GGUF, 0, "the file does not begin with GGUF; it looks like %s", what)
              : error_set(error, SOTTO_NOT_GGUF, 0, "the file does not begin with GGUF");
}

static enum sotto_status scan_fixed(struct sotto_gguf *gguf, size_t *need_bytes, struct sotto_error *error) {
  struct cursor cursor = {gguf, 0, 0};
  TRY(check_magic(gguf, error));
  READ_OR_STOP(can_read(&cursor, FIXED_BYTES));
  const uint32_t version = get_u32(gguf->bytes + 4);
  const uint64_t n_tensors = get_u64(gguf->bytes + 8), n_keys = get_u64(gguf->bytes + 16);
  if (version && !(version & 0xffff))
    return error_set(error, SOTTO_UNSUPPORTED_VERSION, 4, "the file is big-endian");
  if (version < 2 || version > 3)
    return error_set(error, SOTTO_UNSUPPORTED_VERSION, 4, "the file has GGUF version %u; versions 2 and 3 are supported", version);
  if (n_tensors > GGUF_MAX_TENSORS)
    return error_set(error, SOTTO_MALFORMED, 8, "the file claims %U tensors; at most %u are allowed", n_tensors, (uint32_t)GGUF_MAX_TENSORS);
  if (n_keys > GGUF_MAX_KEYS)
    return error_set(error, SOTTO_MALFORMED, 16, "the file claims %U keys; at most %u are allowed", n_keys, (uint32_t)GGUF_MAX_KEYS);
  gguf->n_keys_left = (uint32_t)n_keys;
  gguf->n_tensors_left = (uint32_t)n_tensors;
  gguf->at = FIXED_BYTES;
  gguf->phase = PHASE_KEYS;
  return SOTTO_OK;
}

/* ---- keys ---- */

static enum sotto_status check_length(uint64_t n, uint64_t at, const char *what, struct sotto_error *error) {
  return n <= MAX_HEADER ? SOTTO_OK : error_set(error, SOTTO_MALFORMED, at, "a %s claims a length of %U", what, n);
}

/* Opens an array at the cursor: its item type and length. */
static enum sotto_status scan_array_start(struct sotto_gguf *gguf, struct cursor *cursor_in, size_t *need_bytes, struct sotto_error *error) {
  struct cursor cursor = *cursor_in;
  uint32_t type;
  uint64_t n;
  READ_OR_STOP(read_u32(&cursor, &type));
  READ_OR_STOP(read_u64(&cursor, &n));
  if (type >= SOTTO_VALUE_TYPE_COUNT)
    return error_set(error, SOTTO_MALFORMED, cursor.at - 12, "an array has items of the unknown type %u", type);
  TRY(check_length(n, cursor.at - 8, "metadata array", error));
  if (gguf->depth == MAX_DEPTH)
    return error_set(error, SOTTO_MALFORMED, cursor.at - 12, "arrays lie in arrays more than %u deep", (uint32_t)MAX_DEPTH);
  gguf->open[gguf->depth].n_left = n;
  gguf->open[gguf->depth++].type = type;
  *cursor_in = cursor;
  return SOTTO_OK;
}

static void finish_key(struct sotto_gguf *gguf) {
  gguf->keys[gguf->n_keys++].end = gguf->at;
  gguf->n_keys_left--;
  gguf->phase = PHASE_KEYS;
}

/* One item of the innermost array that is open, or its end. */
static enum sotto_status scan_item(struct sotto_gguf *gguf, size_t *need_bytes, struct sotto_error *error) {
  struct cursor cursor = {gguf, gguf->at, 0};
  const uint32_t top = gguf->depth - 1, type = gguf->open[top].type, fixed = value_bytes(type);
  if (gguf->open[top].n_left == 0) {
    if (--gguf->depth == 0) finish_key(gguf);
  } else if (fixed) { /* all of its items at once */
    const uint64_t n = gguf->open[top].n_left * fixed;
    TRY(check_length(n, cursor.at, "metadata array", error));
    READ_OR_STOP(can_read(&cursor, n));
    gguf->open[top].n_left = 0;
    gguf->at += n;
  } else if (type == SOTTO_VALUE_ARRAY) {
    TRY(scan_array_start(gguf, &cursor, need_bytes, error));
    gguf->open[top].n_left--;
    gguf->at = cursor.at;
  } else {
    uint64_t n;
    READ_OR_STOP(read_u64(&cursor, &n));
    TRY(check_length(n, cursor.at - 8, "string", error));
    READ_OR_STOP(can_read(&cursor, n));
    gguf->open[top].n_left--;
    gguf->at = cursor.at + n;
  }
  return SOTTO_OK;
}

static enum sotto_status refuse_duplicate_key(const struct sotto_gguf *gguf, uint64_t name_at, uint64_t n, uint32_t hash,
                                              struct sotto_error *error) {
  for (uint32_t i = 0; i < gguf->n_keys; i++) {
    const uint8_t *other = gguf->bytes + gguf->keys[i].begin;
    if (gguf->keys[i].hash == hash && get_u64(other) == n && !memcmp(other + 8, gguf->bytes + name_at, (size_t)n))
      return error_set(error, SOTTO_MALFORMED, name_at, "the key %.*s occurs twice", (int)(n < 80 ? n : 80), gguf->bytes + name_at);
  }
  return SOTTO_OK;
}

static enum sotto_status scan_key(struct sotto_gguf *gguf, size_t *need_bytes, struct sotto_error *error) {
  struct cursor cursor = {gguf, gguf->at, 0};
  uint64_t n, value;
  uint32_t type;
  READ_OR_STOP(read_u64(&cursor, &n));
  if (n == 0 || n > MAX_NAME) return error_set(error, SOTTO_MALFORMED, gguf->at, "a key claims a name of %U bytes", n);
  READ_OR_STOP(can_read(&cursor, n + 4));
  const uint64_t name_at = cursor.at;
  const uint32_t hash = hash_bytes(gguf->bytes + name_at, n);
  cursor.at += n;
  READ_OR_STOP(read_u32(&cursor, &type));
  if (type >= SOTTO_VALUE_TYPE_COUNT)
    return error_set(error, SOTTO_MALFORMED, cursor.at - 4, "the key %.*s has the unknown type %u", (int)(n < 80 ? n : 80),
                     gguf->bytes + name_at, type);
  if (type == SOTTO_VALUE_ARRAY) {
    TRY(scan_array_start(gguf, &cursor, need_bytes, error));
  } else if (type == SOTTO_VALUE_STRING) {
    READ_OR_STOP(read_u64(&cursor, &value));
    TRY(check_length(value, cursor.at - 8, "string", error));
    READ_OR_STOP(can_read(&cursor, value));
    cursor.at += value;
  } else {
    READ_OR_STOP(can_read(&cursor, value_bytes(type)));
    cursor.at += value_bytes(type);
  }
  const enum sotto_status status = refuse_duplicate_key(gguf, name_at, n, hash, error);
  if (status != SOTTO_OK) return status;
  gguf->keys[gguf->n_keys] = (struct key_entry){gguf->at, 0, hash};
  gguf->at = cursor.at;
  if (type == SOTTO_VALUE_ARRAY) gguf->phase = PHASE_ARRAY;
  else finish_key(gguf);
  return SOTTO_OK;
}

/* After the last key: the alignment of the data section. */
static enum sotto_status finish_keys(struct sotto_gguf *gguf, struct sotto_error *error) {
  struct sotto_value value;
  gguf->phase = PHASE_TENSORS;
  if (sotto_gguf_find(gguf, "general.alignment", &value) != SOTTO_OK) return SOTTO_OK;
  uint64_t alignment;
  if (value.type == SOTTO_VALUE_ARRAY || !gguf_value_u64(&value, 0, &alignment) || alignment < 8 || alignment > 1u << 20 ||
      (alignment & (alignment - 1)))
    return error_set(error, SOTTO_MALFORMED, gguf_value_offset(gguf, &value), "general.alignment is not a power of two from 8 to 1,048,576");
  gguf->alignment = alignment;
  return SOTTO_OK;
}

/* ---- tensors ---- */

/* Reads the info at the cursor. False: it goes on after the prefix, or is_bad says what is wrong with it. */
static bool read_tensor_info(struct cursor *cursor, struct sotto_tensor_info *info, uint64_t *offset, const char **is_bad) {
  uint64_t n;
  *is_bad = NULL;
  *info = (struct sotto_tensor_info){.dims = {1, 1, 1, 1}};
  if (!read_u64(cursor, &n)) return false;
  if (n == 0 || n > MAX_TENSOR_NAME) {
    *is_bad = "has a name of no or too many bytes";
    return false;
  }
  if (!can_read(cursor, n + 4)) return false;
  info->name = (const char *)cursor->gguf->bytes + cursor->at;
  info->name_bytes = (uint32_t)n;
  cursor->at += n;
  read_u32(cursor, &info->n_dims);
  if (info->n_dims < 1 || info->n_dims > 4) {
    *is_bad = "does not have 1 to 4 dimensions";
    return false;
  }
  if (!can_read(cursor, 8 * info->n_dims + 12)) return false;
  for (uint32_t i = 0; i < info->n_dims; i++) read_u64(cursor, &info->dims[i]);
  read_u32(cursor, &info->type);
  read_u64(cursor, offset);
  return true;
}

/* Bytes of the data; what is wrong with the shape, or NULL. A type that Sotto does not know has none: the model says so. */
static const char *find_bytes(const struct sotto_tensor_info *info, uint64_t *n_bytes) {
  const struct dtype *dtype = dtype_find(info->type);
  uint64_t n_items = 1;
  for (int i = 0; i < 4; i++)
    if (info->dims[i] == 0 || __builtin_mul_overflow(n_items, info->dims[i], &n_items) || n_items > INT64_MAX / 8)
      return "has a dimension of 0, or more elements than any memory";
  *n_bytes = 0;
  if (!dtype) return NULL;
  if (info->dims[0] % dtype->block_items) return "has rows that are no whole number of blocks of its type";
  *n_bytes = n_items / dtype->block_items * dtype->block_bytes;
  return NULL;
}

static enum sotto_status scan_tensor(struct sotto_gguf *gguf, size_t *need_bytes, struct sotto_error *error) {
  struct cursor cursor = {gguf, gguf->at, 0};
  struct sotto_tensor_info info;
  uint64_t offset, n_bytes = 0;
  const char *is_bad;
  if (!read_tensor_info(&cursor, &info, &offset, &is_bad) && !is_bad) return truncated(&cursor, need_bytes, error);
  if (!is_bad) is_bad = find_bytes(&info, &n_bytes);
  if (!is_bad && offset % gguf->alignment) is_bad = "has an offset that is not aligned";
  if (!is_bad && (offset > INT64_MAX / 2 || n_bytes > INT64_MAX / 2)) is_bad = "lies beyond the end of any file";
  if (is_bad)
    return error_set(error, SOTTO_MALFORMED, gguf->at, "tensor %u (%.*s) %s", gguf->n_tensors, (int)info.name_bytes,
                     info.name ? info.name : "", is_bad);
  const uint32_t hash = hash_bytes((const uint8_t *)info.name, info.name_bytes);
  for (uint32_t i = 0; i < gguf->n_tensors; i++) {
    const uint8_t *other = gguf->bytes + gguf->tensors[i].begin;
    if (gguf->tensors[i].hash == hash && get_u64(other) == info.name_bytes && !memcmp(other + 8, info.name, info.name_bytes))
      return error_set(error, SOTTO_MALFORMED, gguf->at, "the tensor %.*s occurs twice", (int)info.name_bytes, info.name);
  }
  gguf->tensors[gguf->n_tensors++] = (struct tensor_entry){gguf->at, offset, n_bytes, hash};
  gguf->n_tensors_left--;
  gguf->at = cursor.at;
  return SOTTO_OK;
}

static enum sotto_status finish_tensors(struct sotto_gguf *gguf, struct sotto_error *error) {
  gguf->data_begin = (gguf->at + gguf->alignment - 1) / gguf->alignment * gguf->alignment;
  gguf->file_bytes = gguf->n_tensors ? gguf->data_begin : gguf->at;
  for (uint32_t i = 0; i < gguf->n_tensors; i++) {
    const struct tensor_entry *a = &gguf->tensors[i];
    if (gguf->data_begin + a->offset + a->n_bytes > gguf->file_bytes) gguf->file_bytes = gguf->data_begin + a->offset + a->n_bytes;
    for (uint32_t j = 0; j < i; j++) {
      const struct tensor_entry *b = &gguf->tensors[j];
      if (a->offset < b->offset + b->n_bytes && b->offset < a->offset + a->n_bytes)
        return error_set(error, SOTTO_MALFORMED, a->begin, "the tensors %u and %u overlap", j, i);
    }
  }
  gguf->phase = PHASE_DONE;
  return SOTTO_OK;
}

enum sotto_status sotto_gguf_scan(sotto_gguf *gguf, const void *prefix, size_t prefix_bytes, size_t *need_bytes,
                                  struct sotto_error *error) {
  gguf->bytes = prefix;
  gguf->n_bytes = prefix_bytes;
  while (gguf->phase != PHASE_DONE) {
    if (gguf->at > MAX_HEADER) return error_set(error, SOTTO_MALFORMED, gguf->at, "the header is longer than %u bytes", (uint32_t)MAX_HEADER);
    switch (gguf->phase) {
      case PHASE_FIXED: TRY(scan_fixed(gguf, need_bytes, error)); break;
      case PHASE_ARRAY: TRY(scan_item(gguf, need_bytes, error)); break;
      case PHASE_KEYS: TRY(gguf->n_keys_left ? scan_key(gguf, need_bytes, error) : finish_keys(gguf, error)); break;
      default: TRY(gguf->n_tensors_left ? scan_tensor(gguf, need_bytes, error) : finish_tensors(gguf, error));
    }
  }
  *need_bytes = (size_t)gguf->at;
  return SOTTO_OK;
}

/* ---- the directory ---- */

uint32_t sotto_gguf_n_keys(const sotto_gguf *gguf) { return gguf->n_keys; }
uint32_t sotto_gguf_n_tensors(const sotto_gguf *gguf) { return gguf->n_tensors; }
uint64_t sotto_gguf_file_bytes(const sotto_gguf *gguf) { return gguf->file_bytes; }

enum sotto_status sotto_gguf_key(const sotto_gguf *gguf, uint32_t index, struct sotto_value *value) {
  RETURN_IF(index >= gguf->n_keys, SOTTO_INVALID_ARGUMENT);
  const uint8_t *p = gguf->bytes + gguf->keys[index].begin, *end = gguf->bytes + gguf->keys[index].end;
  *value = (struct sotto_value){.key = (const char *)p + 8, .key_bytes = (uint32_t)get_u64(p), .n_items = 1};
  p += 8 + value->key_bytes;
  value->type = value->item_type = get_u32(p);
  p += 4;
  if (value->type == SOTTO_VALUE_STRING) {
    value->n_items = (uint32_t)get_u64(p);
    p += 8;
  } else if (value->type == SOTTO_VALUE_ARRAY) {
    value->item_type = get_u32(p);
    value->n_items = (uint32_t)get_u64(p + 4);
    p += 12;
  }
  value->data = p;
  value->data_bytes = (uint32_t)(end - p);
  return SOTTO_OK;
}

enum sotto_status sotto_gguf_find(const sotto_gguf *gguf, const char *key, struct sotto_value *value) {
  const size_t n = strlen(key);
  const uint32_t hash = hash_bytes((const uint8_t *)key, n);
  for (uint32_t i = 0; i < gguf->n_keys; i++) {
    const uint8_t *p = gguf->bytes + gguf->keys[i].begin;
    if (gguf->keys[i].hash == hash && get_u64(p) == n && !memcmp(p + 8, key, n)) return sotto_gguf_key(gguf, i, value);
  }
  return SOTTO_MISSING_KEY;
}

enum sotto_status sotto_gguf_tensor(const sotto_gguf *gguf, uint32_t index, struct sotto_tensor_info *info) {
  RETURN_IF(index >= gguf->n_tensors, SOTTO_INVALID_ARGUMENT);
  const struct tensor_entry *entry = &gguf->tensors[index];
  struct cursor cursor = {gguf, entry->begin, 0};
  uint64_t offset;
  const char *is_bad;
  read_tensor_info(&cursor, info, &offset, &is_bad); /* it was whole and right when it was scanned */
  info->file_offset = gguf->data_begin + entry->offset;
  info->n_bytes = entry->n_bytes;
  return SOTTO_OK;
}

enum sotto_status gguf_find_tensor(const sotto_gguf *gguf, const char *name, struct sotto_tensor_info *info) {
  const size_t n = strlen(name);
  const uint32_t hash = hash_bytes((const uint8_t *)name, n);
  for (uint32_t i = 0; i < gguf->n_tensors; i++) {
    const uint8_t *p = gguf->bytes + gguf->tensors[i].begin;
    if (gguf->tensors[i].hash == hash && get_u64(p) == n && !memcmp(p + 8, name, n)) return sotto_gguf_tensor(gguf, i, info);
  }
  return SOTTO_MISSING_TENSOR;
}

/* ---- values ---- */

bool gguf_value_u64(const struct sotto_value *value, uint32_t index, uint64_t *out) {
  RETURN_IF(index >= value->n_items || value->item_type == SOTTO_VALUE_STRING || value->item_type == SOTTO_VALUE_ARRAY, false);
  const uint8_t *p = value->data + (size_t)index * value_bytes(value->item_type);
  int64_t number;
  switch (value->item_type) {
    case SOTTO_VALUE_U8: case SOTTO_VALUE_BOOL: number = *p; break;
    case SOTTO_VALUE_I8: number = (int8_t)*p; break;
    case SOTTO_VALUE_U16: number = get_u16(p); break;
    case SOTTO_VALUE_I16: number = (int16_t)get_u16(p); break;
    case SOTTO_VALUE_U32: number = get_u32(p); break;
    case SOTTO_VALUE_I32: number = (int32_t)get_u32(p); break;
    case SOTTO_VALUE_U64: case SOTTO_VALUE_I64: number = (int64_t)get_u64(p); break;
    default: return false;
  }
  *out = (uint64_t)number;
  return number >= 0 || value->item_type == SOTTO_VALUE_U64;
}

bool gguf_value_f32(const struct sotto_value *value, uint32_t index, float *out) {
  RETURN_IF(index >= value->n_items, false);
  if (value->item_type == SOTTO_VALUE_F32) {
    memcpy(out, value->data + 4 * (size_t)index, 4);
    return true;
  }
  if (value->item_type == SOTTO_VALUE_F64) {
    double number;
    memcpy(&number, value->data + 8 * (size_t)index, 8);
    *out = (float)number;
    return true;
  }
  uint64_t integer;
  if (!gguf_value_u64(value, index, &integer)) return false;
  *out = (float)integer;
  return true;
}

bool gguf_next_string(const struct sotto_value *array, uint32_t *at, const char **text, uint32_t *text_bytes) {
  RETURN_IF(array->type != SOTTO_VALUE_ARRAY || array->item_type != SOTTO_VALUE_STRING || *at >= array->data_bytes, false);
  const uint8_t *p = array->data + *at;
  *text = (const char *)p + 8;
  *text_bytes = (uint32_t)get_u64(p);
  *at += 8 + *text_bytes;
  return true;
}

uint64_t gguf_value_offset(const sotto_gguf *gguf, const struct sotto_value *value) {
  return (uint64_t)(value->data - gguf->bytes);
}
