// Rows as a statement's parameters: an array a column, for `unnest`.
import {
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  jsonArray,
  jsonbArray,
  textArray,
  timestamptzArray,
  uuidTextArray,
} from './postgres-arrays.js'

/** A column of rows that are made of `T`. */
export interface Column<T> {
  readonly name: string
  /** The type of an element. */
  readonly type: string
  /** The column's values of these rows, as the driver sends them. */
  array(rows: readonly T[]): Buffer
}

type OfRow<T, V> = (row: T) => V

/** Makes columns; undefined is null. */
export function columnsOf<T>() {
  const column =
    <V>(type: string, encode: (values: V[]) => Buffer) =>
    (name: string, value: OfRow<T, V>): Column<T> => ({ name, type, array: (rows) => encode(rows.map(value)) })
  return {
    uuid: column('uuid', uuidTextArray),
    text: column('text', textArray),
    smallint: column('smallint', int2Array),
    integer: column('integer', int4Array),
    bigint: column('bigint', int8Array),
    bytea: column('bytea', byteaArray),
    /** A moment in milliseconds since 1970. */
    timestamptz: column('timestamptz', timestamptzArray),
    /** A document that is written out already. */
    json: column('json', jsonArray),
    jsonb: column('jsonb', jsonbArray),
  }
}

/** The names of columns, separated by commas. */
export function namesOf(columns: readonly Column<never>[]): string {
  return columns.map(({ name }) => name).join(', ')
}

/** The rows as a table in a `from` clause; the parameters are numbered from 1. */
export function rowsAs(alias: string, columns: readonly Column<never>[]): string {
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')
  return `unnest(${arrays}) as ${alias}(${namesOf(columns)})`
}

/** The parameters of `rowsAs`. */
export function parametersOf<T>(columns: readonly Column<T>[], rows: readonly T[]): Buffer[] {
  return columns.map((column) => column.array(rows))
}
