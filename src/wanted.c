/* wanted.c: what has not arrived of the file, in the order in which the graph needs it for the tokens that are queued:
 * their rows of the embedding, then the other tensors, then the rest of the embedding, which may be the head. */
#include "session.h"

#include <string.h>

#define MOST_RUNS (RANGES_CAP / 2) /* separate runs of rows: each is a range for whoever notes what has arrived */

static uint32_t n_groups(const struct sotto_session *session) {
  return (session->model->config.n_vocab + TILE_ROWS - 1) / TILE_ROWS;
}

/* ---- the groups of 8 rows that queued tokens need before their wave can begin ---- */

/* Marks the groups in every gap of at most `gap` groups between marked ones. Returns the number of runs that remain. */
static uint32_t fill_gaps(uint8_t *marks, uint32_t n, uint32_t gap) {
  uint32_t n_runs = 0, end = 0; /* of the last run */
  for (uint32_t i = 0; i < n; i++) {
    if (!marks[i]) continue;
    if (n_runs && i - end <= gap) memset(marks + end, 1, i - end);
    else n_runs++;
    end = i + 1;
  }
  return n_runs;
}

static void mark_groups(struct sotto_session *session) {
  uint8_t *marks = session->wanted.marks;
  const uint32_t n = n_groups(session);
  memset(marks, 0, n);
  for (size_t p = session->is_running ? session->wave_end : session->n_computed; p < session->n_tokens; p++)
    marks[(uint32_t)session->tokens[p] / TILE_ROWS] = 1;
  for (uint32_t gap = 0; fill_gaps(marks, n, gap) > MOST_RUNS;) gap = 2 * gap + 1;
}

/* ---- the list ---- */

/* The next missing part of a range of which parts may have been listed. False: there are no more, and the next range may
 * begin. */
static bool next_missing(struct sotto_session *session, struct range of, struct range *missing) {
  uint64_t *listed = &session->wanted.listed_to;
  const bool is_found = ranges_next_missing(&session->model->arrived, *listed ? *listed : of.begin, of.end, missing);
  *listed = is_found ? missing->end : 0;
  return is_found;
}

/* The next missing part of the embedding's groups that are marked, or of those that are not. */
static bool next_of_embedding(struct sotto_session *session, uint8_t mark, struct range *missing) {
  const struct tensor *embedding = &session->model->weights.embedding;
  const uint8_t *marks = session->wanted.marks;
  const uint64_t group_bytes = TILE_ROWS * embedding->row_bytes, file_end = embedding->file_offset + embedding->file_bytes;
  uint32_t *group = &session->wanted.groups[mark];
  for (uint32_t n = n_groups(session), end; *group < n; *group = end) {
    for (end = *group; end < n && marks[end] == marks[*group]; end++) continue;
    struct range run = {embedding->file_offset + *group * group_bytes, embedding->file_offset + end * group_bytes};
    if (run.end > file_end) run.end = file_end;
    if (marks[*group] == mark && next_missing(session, run, missing)) return true;
  }
  return false;
}

static bool next(struct sotto_session *session, struct range *missing) {
  const struct weights *weights = &session->model->weights;
  if (next_of_embedding(session, 1, missing)) return true;
  for (uint32_t *i = &session->wanted.tensor; *i < weights->n_tensors; ++*i) {
    const struct tensor *tensor = weights->in_order[*i];
    const struct range whole = {tensor->file_offset, tensor->file_offset + tensor->file_bytes};
    if (tensor != &weights->embedding && next_missing(session, whole, missing)) return true;
  }
  return next_of_embedding(session, 0, missing);
}

enum sotto_status sotto_session_wanted(sotto_session *session, uint32_t index, uint64_t *file_offset, uint64_t *n_bytes) {
  struct wanted *wanted = &session->wanted;
  struct range missing;
  if (index == 0 || index != wanted->index) {
    *wanted = (struct wanted){.marks = wanted->marks};
    mark_groups(session);
  }
  do RETURN_IF(!next(session, &missing), SOTTO_INVALID_ARGUMENT);
  while (wanted->index++ < index);
  *file_offset = missing.begin;
  *n_bytes = missing.end - missing.begin;
  return SOTTO_OK;
}
