// Makes a text from outside fit to be stored: PostgreSQL refuses U+0000 and half a surrogate pair.

/** Both become U+FFFD. */
export const storable = (given: string): string =>
  given.isWellFormed() && !given.includes("\0") ? given : given.replaceAll("\0", "\ufffd").toWellFormed();
