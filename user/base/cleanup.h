/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that give back what they own where they go out of scope: _cleanup_(text_free) struct text text = {0}; */
#ifndef CALLERD_CLEANUP_H
#define CALLERD_CLEANUP_H

/* FUNCTION gets the variable's address. To hand over what a variable owns, set the variable to its
 * empty value. */
#define _cleanup_(function) __attribute__((cleanup(function)))

#endif
