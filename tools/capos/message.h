#pragma once
/*
 * What the tool says of itself goes to standard error, a line at a time:
 *     capos: THING: REASON; REMEDY
 * "capos:" is coloured on a terminal, unless NO_COLOR is set.
 */
__attribute__((format(printf, 2, 3))) void message_error(const char *thing, const char *format,
                                                         ...);
__attribute__((format(printf, 1, 2))) void message_note(const char *format, ...);

/* Standard error is a terminal and colour is welcome there. */
_Bool message_has_colour(void);
