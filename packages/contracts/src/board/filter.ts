import type { ColumnName } from './columns.ts'

/** What a comparison looks at: a column, or a value in the experiment's spec by its path. */
export type FilterField =
  { readonly kind: 'column'; readonly column: ColumnName } | { readonly kind: 'spec'; readonly path: readonly string[] }

/** What it compares with. */
export type FilterValue =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  /** A span of milliseconds since 1970, the end excluded: a day as it was written, or a single millisecond. */
  | { readonly type: 'moment'; readonly start: number; readonly end: number }

/**
 * A filter of experiments. It is true or false of each, never unknown: a comparison with a value that is not there is
 * false, and NOT turns it. So `code != 'abc'`, which is NOT `code = 'abc'`, holds where there is no code.
 *
 * compare   numbers by value, text by code point; a moment is before, after or within the span
 * between   both ends included, whole spans
 * contains  text within text; A to Z are as a to z
 * null      there is no value; in a spec also a JSON null
 *
 * A value of a spec that has another type than what it is compared with is not equal to it, nor less, nor more.
 */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | {
      readonly kind: 'compare'
      readonly field: FilterField
      readonly is: '=' | '<' | '<=' | '>' | '>='
      readonly value: FilterValue
    }
  | { readonly kind: 'between'; readonly field: FilterField; readonly from: FilterValue; readonly to: FilterValue }
  | { readonly kind: 'contains'; readonly field: FilterField; readonly text: string }
  | { readonly kind: 'null'; readonly field: FilterField }
