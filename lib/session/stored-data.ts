import type { ParsedRecord, SessionValues } from '../record/record-text.js';
import { changedKeys, snapshot } from '../common/merge.js';
import type { LoggedIn } from './logged-in.js';
import { valuesToJson } from './session-values.js';

/** The data that changes are compared with: from the record that was read, or from the last write. */
export class StoredData {
  /** Who is logged in by them, if that was noted when the app got them: else they have to be parsed again for it. */
  login: { readonly who: LoggedIn } | undefined;

  /**
   * @param record the record that was read; `undefined`: none, or it was dropped.
   * @param json the JSON of the data; `undefined`: take it from `record`.
   */
  constructor(
    private record: ParsedRecord | undefined,
    private json: string | undefined,
  ) {}

  static none(): StoredData {
    return new StoredData(undefined, '{}');
  }

  values(): SessionValues {
    const read = this.read();
    return typeof read === 'object' ? read : {};
  }

  /** The values, or why the record can't be read. */
  read(): SessionValues | string {
    if (this.json !== undefined) return this.json === '{}' ? {} : (JSON.parse(this.json) as SessionValues);
    return this.record?.data() ?? {};
  }

  get isReadable(): boolean {
    return this.json !== undefined || typeof this.record?.data() !== 'string';
  }

  /** The part of the record's text with the data, to be written again unchanged. */
  raw(): string | undefined {
    return this.json === undefined ? this.record?.rawData() : undefined;
  }

  /**
   * Whether these values differ.
   *
   * @param isInOrder their keys are in the order in which they were read.
   */
  differs(json: string, values: object, isInOrder: boolean): boolean {
    if (this.json === undefined ? this.record?.hasData(json) === true : json === this.json) return false;
    // If this package wrote the record and nothing changed, the JSON would be equal.
    if (isInOrder && (this.json !== undefined || this.record?.rawData() !== undefined)) return true;
    return changedKeys(snapshot(this.values()), snapshot(values)).size > 0;
  }

  /**
   * The data after a write.
   *
   * @param text the whole record.
   */
  saved(json: string, text: string): StoredData {
    return new StoredData(undefined, json === '' ? (this.json ?? valuesToJson(dataIn(text))) : json);
  }
}

function dataIn(text: string): SessionValues {
  const { cookie: _cookie, __keycard: _metadata, ...values } = JSON.parse(text) as SessionValues;
  return values;
}
