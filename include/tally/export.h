/* SPDX-License-Identifier: ISC */
/* Visibility and must-use marks of the installed interface. */
#ifndef TALLY_EXPORT_H
#define TALLY_EXPORT_H

#if defined(__GNUC__)
#define TALLY_EXPORT __attribute__((visibility("default")))
#define TALLY_NODISCARD __attribute__((warn_unused_result))
#else
#define TALLY_EXPORT
#define TALLY_NODISCARD
#endif

#ifdef __cplusplus
#define TALLY_BEGIN_DECLS extern "C" {
#define TALLY_END_DECLS }
#else
#define TALLY_BEGIN_DECLS
#define TALLY_END_DECLS
#endif

#endif
