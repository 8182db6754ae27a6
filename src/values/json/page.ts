// Bounds what one answer of a list holds, whatever its rows hold: so many bytes, then a cursor.

/** Bytes of a page of changes or alerts; the first row always fits. */
export const PAGE_BYTES = 2 * 1024 ** 2;
/** A row whose values are larger is listed with their beginnings, and told whole where it is asked for alone. */
export const ROW_BYTES = 256 * 1024;
/** Characters of a value's JSON that stand for it there. */
export const BEGINNING = 200;
/** Of the values of the change `d`, as JSON text. Rows from before this was counted are small. */
export const VALUE_BYTES = `coalesce(d.value_bytes, coalesce(octet_length(d.previous_value::text), 0) + coalesce(octet_length(d.current_value::text), 0))`;

/** What a row with `bytes` takes of a page. One that is cut still has to be read, so it counts as the largest that is not. */
export const PAGE_SHARE = `(least(bytes, ${ROW_BYTES}) + octet_length(pointer) + octet_length(field_path) + coalesce(octet_length(elements::text), 0) + 500)`;

/** The JSON text of a value, or, of a row that is too large, a JSON string of its beginning. */
export const shownValue = (column: string) =>
  `case when bytes > ${ROW_BYTES} then to_json(left(${column}::text, ${BEGINNING}))::text else ${column}::text end`;
