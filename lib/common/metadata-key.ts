/** The reserved key of a record that holds the engine's metadata. Last in the text, so that it is found without parsing the rest. */
export const METADATA_KEY = '__keycard';
