import type { RecordText, SessionValues } from '../record/record-text.js';
import { changedKeys, snapshot } from '../common/changes.js';
import { valuesToJson } from './session-values.js';

/** The data that changes are counted from: as a record has it, or as it was saved since. */
export class StoredData {
  /**
   * @param record what was read; `undefined`: nothing, or it was given up.
   * @param json the JSON of the data; `undefined`: as it stands in `record`.
   */
  constructor(
    private record: RecordText | undefined,
    private json: string | undefined,
  ) {}

  static none(): StoredData {
    return new StoredData(undefined, '{}');
  }

  values(): SessionValues {
    const read = this.read();
    return typeof read === 'object' ? read : {};
  }

  /** The same, or why the record can't be read. */
  read(): SessionValues | string {
    if (this.json !== undefined) return this.json === '{}' ? {} : (JSON.parse(this.json) as SessionValues);
    return this.record?.data() ?? {};
  }

  get isReadable(): boolean {
    return this.json !== undefined || typeof this.record?.data() !== 'string';
  }

  /** The part of the record's text that holds it, to be written again untouched. */
  raw(): string | undefined {
    return this.json === undefined ? this.record?.rawData() : undefined;
  }

  /**
   * Whether these values are others.
   *
   * @param isInOrder their keys are in the order in which they were read.
   */
  differs(json: string, values: object, isInOrder: boolean): boolean {
    if (this.json === undefined ? this.record?.hasData(json) === true : json === this.json) return false;
    // What this build wrote reads the same as long as nothing changed.
    if (isInOrder && (this.json !== undefined || this.record?.rawData() !== undefined)) return true;
    return changedKeys(snapshot(this.values()), snapshot(values)).size > 0;
  }

  /** The same apart from a record, whose revision is about to be given up. */
  pinned(): StoredData {
    return this.record === undefined ? this : new StoredData(undefined, this.json ?? valuesToJson(this.values()));
  }

  /**
   * As it was written.
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
