// What V8 makes of the hot loops, counted: an instruction more in each is time that no benchmark on a shared machine shows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hotLoops } from "../bench/code.mjs";

const skip = process.arch === "x64" ? false : "the names of instructions are those of x64";

// Instructions for each product, and accesses of the stack, in a kernel's tightest loop: at most.
const BOUNDS = {
  panel_Q4_1_relaxed: { each: 2.9, spills: 20 },
  panel_Q4_1_simd128: { each: 3.5, spills: 32 },
  gemv_Q4_1_relaxed: { each: 4.7, spills: 0 }, // 0.4 of which ask whether to load ahead, and where
  gemv_Q8_0_simd128: { each: 4.5, spills: 1 },
  gemv_Q4_1_dot: { each: 4.5, spills: 0 },
  gemv_Q6_K_relaxed: { each: 7, spills: 4 },
  panel_Q6_K_relaxed: { each: 3.1, spills: 30 },
  gemm_tile: { each: 3.1, spills: 0 }, // of F32
  attn_scores_int8_simd128: { each: 3.3, spills: 6 },
  attn_mix_int8_simd128: { each: 3.3, spills: 4 },
  attn_mix_int8_relaxed: { each: 2.4, spills: 0 },
};

test("the hot loops have no instruction too many", { skip }, () => {
  const loops = hotLoops(["Q4_1", "Q8_0", "Q6_K", "F32", "attention"]);
  for (const [kernel, { each, spills }] of Object.entries(BOUNDS)) {
    const [best] = loops.filter((loop) => loop.kernel === kernel).sort((a, b) => a.instructions / a.products - b.instructions / b.products);
    assert.ok(best, `${kernel} was not compiled by the optimising compiler`);
    assert.ok(best.instructions / best.products <= each, `${kernel}: ${best.instructions} instructions for ${best.products} products`);
    assert.ok(best.spills <= spills, `${kernel}: ${best.spills} accesses of the stack`);
  }
});
