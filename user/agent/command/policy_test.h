/* SPDX-License-Identifier: Apache-2.0 */
/* callerd policy test: what a configuration would do with a log that there is. */
#ifndef CALLERD_POLICY_TEST_H
#define CALLERD_POLICY_TEST_H

/* ARGV begins with "policy". Returns the exit code. */
int policy_test(int argc, char **argv);

#endif
