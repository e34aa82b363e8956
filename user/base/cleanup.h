/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that give back what they own where they go out of scope: _cleanup_(text_free) struct text text = {0}; */
#ifndef CALLERD_CLEANUP_H
#define CALLERD_CLEANUP_H

/* FUNCTION gets the variable's address. A variable that hands over what it owns is set to its empty value first. */
#define _cleanup_(function) __attribute__((cleanup(function)))

#endif
