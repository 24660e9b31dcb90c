/* mathf.h: the few functions of a maths library that the engine needs, in double precision and with the same bits in
 * every build: only + - * / and conversions, in a fixed order, never contracted (-ffp-contract=off).
 * tests/test_mathf.c holds the errors against a C library; the bounds named here are the test's. */
#ifndef SOTTO_MATHF_H
#define SOTTO_MATHF_H

#define MATH_ANGLE_MAX 4194304.0 /* 2^22 radians: what the argument reduction of sin and cos is exact for */

double math_exp(double x);           /* relative error below 2.5e-16; overflows to infinity, underflows to 0 */
double math_log(double x);           /* relative error below 2.5e-16; of 0: -infinity, of what is below: NaN */
double math_pow(double x, double y); /* relative error below 3e-16; x and y finite, x positive; of another x: NaN */
double math_sin(double x);           /* absolute error below 2.5e-16; NaN beyond MATH_ANGLE_MAX */
double math_cos(double x);           /* likewise */

#endif
