/**
 * The reserved key of a record for the engine's metadata. It is last in the text, so it is found without parsing the
 * rest.
 */
export const METADATA_KEY = '__keycard';
