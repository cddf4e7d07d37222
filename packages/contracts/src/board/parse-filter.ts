import { nearest } from '../parse.ts'
import { AppError } from '../problems.ts'
import { ExperimentSpec } from '../spec/index.ts'
import { columnNames, columns, isColumn, unknownColumn } from './columns.ts'
import type { ColumnName } from './columns.ts'
import type { Filter, FilterField, FilterValue } from './filter.ts'
import { parseMoment } from './moment.ts'
import { tokensOf } from './tokens.ts'
import type { Token } from './tokens.ts'

/** Longest filter, in UTF-16 units. */
export const filterLengthMax = 2000
/** Parentheses and NOTs within each other: what a person can still read. */
const depthMax = 20
const comparisonsMax = 100
const listMax = 100
const pathMax = 10

/** Places in the spec that have a column, and so an index that knows how often each value occurs. */
const columnOfPath: Readonly<Record<string, ColumnName>> = { name: 'name', dataset: 'dataset', 'model.name': 'model' }

/** Words that mean something: as a value they stand in quotes. */
const keywords: ReadonlySet<string> = new Set(['and', 'or', 'not', 'in', 'between', 'is', 'null', 'true', 'false'])

/**
 * A filter from its text:
 *
 *   filter     = all { OR all }
 *   all        = one { AND one }
 *   one        = NOT one | "(" filter ")" | comparison
 *   comparison = field ( = | != ) ( value | range ) | field ( < | <= | > | >= ) value
 *              | field [ NOT ] IN "(" ( value | range ) { "," ( value | range ) } ")" | field [ NOT ] IN range
 *              | field [ NOT ] BETWEEN value AND value | field ( ~ | !~ ) text | field IS [ NOT ] NULL
 *   range      = value ".." value
 *   field      = a column | spec.<path>          e.g. spec.stages.0.schedule.lr
 *   value      = 0.5 | 'text' | "text" | word | 2026-11-27 | 2026-11-27T08:00Z | true | false
 *
 * Key words are known in upper and lower case. A day is the whole day, in UTC. `Filter` says what it all means.
 *
 * @throws {AppError} `request-invalid`: what is wrong, at which character (1-based, as `position` in its facts)
 */
export function parseFilter(text: string): Filter {
  if (text.length > filterLengthMax)
    throw wrong(filterLengthMax, `is longer than the ${filterLengthMax} characters that a filter may have`)
  const lexed = tokensOf(text)
  if ('unknownAt' in lexed) throw wrong(lexed.unknownAt, strayCharacter(text, lexed.unknownAt))
  return new Parser(lexed.tokens).whole()
}

class Parser {
  private next = 0
  private depth = 0
  private comparisons = 0
  private readonly tokens: readonly Token[]

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens
  }

  whole(): Filter {
    const filter = this.any()
    if (this.token.kind !== 'end') throw this.unexpected('AND, OR or the end')
    return filter
  }

  private any(): Filter {
    return this.joined('or', () => this.all())
  }

  private all(): Filter {
    return this.joined('and', () => this.one())
  }

  private joined(kind: 'and' | 'or', part: () => Filter): Filter {
    const parts = [part()]
    while (this.takeWord(kind)) parts.push(part())
    return parts.length === 1 ? parts[0]! : { kind, parts }
  }

  private one(): Filter {
    const { at } = this.token
    const negated = this.takeWord('not')
    if (!negated && !this.takeSign('(')) return this.comparison()
    this.depth += 1
    if (this.depth > depthMax) throw wrong(at, `parentheses and NOT stand more than ${depthMax} deep in each other`)
    const part = negated ? this.one() : this.any()
    if (!negated && !this.takeSign(')')) throw this.unexpected('")", AND or OR')
    this.depth -= 1
    return negated ? { kind: 'not', part } : part
  }

  private comparison(): Filter {
    const { at } = this.token
    this.comparisons += 1
    if (this.comparisons > comparisonsMax) throw wrong(at, `there are more than ${comparisonsMax} comparisons`)
    const field = this.field()
    if (this.takeWord('is')) return turned(this.takeWord('not'), this.isNull(field))
    const negated = this.takeWord('not')
    if (this.takeWord('in')) return turned(negated, this.within(field))
    if (this.takeWord('between')) return turned(negated, this.between(field))
    if (negated) throw this.unexpected('IN or BETWEEN')
    return this.signed(field)
  }

  private field(): FilterField {
    const { kind, text, at } = this.token
    if (kind !== 'word' || keywords.has(text.toLowerCase())) throw this.unexpected('a column')
    this.next += 1
    if (isColumn(text)) return { kind: 'column', column: text }
    const [first, ...path] = text.split('.')
    if (first !== 'spec' || path.length === 0) throw wrong(at, unknownField(text))
    const [top = ''] = path
    if (!Object.hasOwn(ExperimentSpec.shape, top)) throw wrong(at, unknownPath(text, top))
    if (path.length > pathMax) throw wrong(at, `"${text}" goes more than ${pathMax} deep into the spec`)
    const column = columnOfPath[path.join('.')]
    return column === undefined ? { kind: 'spec', path } : { kind: 'column', column }
  }

  private isNull(field: FilterField): Filter {
    if (!this.takeWord('null')) throw this.unexpected('NULL or NOT NULL')
    return { kind: 'null', field }
  }

  private within(field: FilterField): Filter {
    const { at } = this.token
    if (!this.takeSign('(')) {
      const filter = this.valueOrRange(field)
      if (filter.kind !== 'between') throw wrong(at, 'IN wants a list in parentheses, or a range: 0.5..0.6')
      return filter
    }
    const parts = [this.valueOrRange(field)]
    while (this.takeSign(',')) parts.push(this.valueOrRange(field))
    if (parts.length > listMax) throw wrong(at, `the list has more than ${listMax} entries`)
    if (!this.takeSign(')')) throw this.unexpected('"," or ")"')
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
  }

  private between(field: FilterField): Filter {
    const { at } = this.token
    const from = this.value(field)
    if (!this.takeWord('and')) throw this.unexpected('AND and the upper end')
    return range(field, from, this.value(field), at)
  }

  private signed(field: FilterField): Filter {
    const sign = this.token.kind === 'sign' ? this.token.text : ''
    this.next += 1
    switch (sign) {
      case '=':
        return this.valueOrRange(field)
      case '!=':
        return turned(true, this.valueOrRange(field))
      case '<':
      case '<=':
      case '>':
      case '>=': {
        const { at } = this.token
        const value = this.value(field)
        if (value.type === 'boolean') throw wrong(at, `true and false have no order; compare them with = or !=`)
        return { kind: 'compare', field, is: sign, value }
      }
      case '~':
      case '!~':
        return turned(sign === '!~', this.contains(field))
      default:
        this.next -= 1
        throw this.unexpected('=, !=, <, <=, >, >=, ~, IN, BETWEEN or IS NULL')
    }
  }

  private valueOrRange(field: FilterField): Filter {
    const { at } = this.token
    const value = this.value(field)
    return this.takeSign('..') ? range(field, value, this.value(field), at) : { kind: 'compare', field, is: '=', value }
  }

  private contains(field: FilterField): Filter {
    const { at } = this.token
    if (field.kind === 'column' && columns[field.column].type !== 'text')
      throw wrong(at, `${field.column} is ${typeNames[columns[field.column].type]}; ~ looks into text`)
    const value = this.valueAs('text', 'a text')
    return { kind: 'contains', field, text: value.type === 'text' ? value.value : '' }
  }

  private value(field: FilterField): FilterValue {
    if (field.kind === 'spec') return this.specValue()
    const { type } = columns[field.column]
    const { at } = this.token
    const value = this.valueAs(type === 'integer' ? 'number' : type, `${typeNames[type]} for ${field.column}`)
    if (field.column === 'status' && value.type === 'text') checkStatus(value.value, at)
    return value
  }

  /** Of a value in a spec only what is written tells the type. */
  private specValue(): FilterValue {
    const { kind, text } = this.token
    if (kind === 'number') return this.valueAs('number', 'a number')
    const isBoolean = kind === 'word' && /^(?:true|false)$/i.test(text)
    if (!isBoolean) return this.valueAs('text', 'a number, a text, true or false')
    this.next += 1
    return { type: 'boolean', value: text.toLowerCase() === 'true' }
  }

  private valueAs(type: FilterValue['type'], wanted: string): FilterValue {
    const { kind, text, at } = this.token
    const isText = kind === 'text' || (kind === 'word' && !keywords.has(text.toLowerCase()))
    if (type === 'number' && kind === 'number') return this.took({ type, value: finite(text, at) })
    if (type === 'text' && isText) return this.took({ type, value: storable(text, at) })
    if (type === 'moment' && (kind === 'moment' || kind === 'text')) {
      const span = parseMoment(text)
      if (span === null) throw wrong(at, `"${text.slice(0, 80)}" is no moment: 2026-11-27 or 2026-11-27T08:00:00Z`)
      return this.took({ type, ...span })
    }
    const quotes = type === 'text' && (kind === 'number' || kind === 'moment') ? '; put it into quotes' : ''
    throw this.unexpected(wanted + quotes)
  }

  private took(value: FilterValue): FilterValue {
    this.next += 1
    return value
  }

  private get token(): Token {
    return this.tokens[Math.min(this.next, this.tokens.length - 1)]!
  }

  private takeWord(word: string): boolean {
    const isThere = this.token.kind === 'word' && this.token.text.toLowerCase() === word
    if (isThere) this.next += 1
    return isThere
  }

  private takeSign(sign: string): boolean {
    const isThere = this.token.kind === 'sign' && this.token.text === sign
    if (isThere) this.next += 1
    return isThere
  }

  private unexpected(wanted: string): AppError {
    const { kind, text, at } = this.token
    return wrong(at, `there should be ${wanted}, not ${kind === 'end' ? 'the end' : `"${text.slice(0, 80)}"`}`)
  }
}

const typeNames = { integer: 'a number', number: 'a number', text: 'a text', moment: 'a moment' } as const

function turned(negated: boolean, part: Filter): Filter {
  return negated ? { kind: 'not', part } : part
}

function range(field: FilterField, from: FilterValue, to: FilterValue, at: number): Filter {
  if (from.type !== to.type) throw wrong(at, `a range goes from a ${from.type} to another, not to a ${to.type}`)
  if (from.type === 'boolean') throw wrong(at, 'true and false have no order; compare them with = or !=')
  return { kind: 'between', field, from, to }
}

function checkStatus(value: string, at: number): void {
  const { options } = columns.status.schema
  if ((options as readonly string[]).includes(value)) return
  const meant = nearest(value, options)
  const remedy = meant === undefined ? `there are ${options.join(', ')}` : `did you mean "${meant}"?`
  throw wrong(at, `there is no status "${value.slice(0, 80)}"; ${remedy}`)
}

function finite(text: string, at: number): number {
  const value = Number(text)
  if (Number.isFinite(value)) return value
  throw wrong(at, `${text.slice(0, 80)} is larger than any number that is stored`)
}

/** Neither a zero byte nor half a surrogate pair is text to a database. */
function storable(text: string, at: number): string {
  if (!/[\0\p{Surrogate}]/u.test(text)) return text
  throw wrong(at, 'the text has a zero byte or half a character')
}

function unknownField(text: string): string {
  if (text === 'spec') return 'name a value of the spec by its path: spec.model.name'
  const nearColumn = nearest(text, columnNames)
  return nearColumn === undefined ? `${unknownColumn(text)}; spec.<path> is a value of the spec` : unknownColumn(text)
}

function unknownPath(text: string, top: string): string {
  const known = Object.keys(ExperimentSpec.shape)
  const meant = nearest(top, known)
  const remedy = meant === undefined ? `it has ${known.join(', ')}` : `did you mean "spec.${meant}"?`
  return `a spec has no "${top.slice(0, 80)}" as in "${text.slice(0, 80)}"; ${remedy}`
}

function strayCharacter(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!)
  if (character === "'" || character === '"') return `the quote ${character} is not closed`
  return `${JSON.stringify(character)} means nothing here; text stands in quotes`
}

function wrong(at: number, what: string): AppError {
  const detail = `at character ${at + 1}: ${what}`
  const faults = [{ pointer: '/where', detail }]
  return new AppError('request-invalid', { position: at + 1 }, { detail: `/where ${detail}`, faults })
}
