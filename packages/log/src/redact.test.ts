import { expect, test } from 'vitest'
import { redact } from './redact.ts'

test.each([
  ['Authorization: Bearer bs_9f8e7d6c5b4a39281706', 'Authorization: Bearer [secret]'],
  [
    'GET http://s3/b/k?X-Amz-Date=20260101&X-Amz-Credential=AK%2F1&X-Amz-Signature=0a1b failed',
    'GET http://s3/b/k?X-Amz-Date=20260101&X-Amz-Credential=[secret]&X-Amz-Signature=[secret] failed',
  ],
  ['/s3/bucket/key?X-Amz-Security-Token=abc', '/s3/bucket/key?X-Amz-Security-Token=[secret]'],
  ['postgresql://baton:hunter2@db:5432/baton', 'postgresql://baton:[secret]@db:5432/baton'],
  [
    'https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe',
    'https://api.telegram.org/bot[secret]/getMe',
  ],
  [
    '{"line":"{\\"token\\":\\"baton_session_0123456789abcdefABCDEF-_0123456789abcdefABC\\"}"}',
    '{"line":"{\\"token\\":\\"baton_session_[secret]\\"}"}',
  ],
  [
    'BATON_ENROLMENT_TOKEN=baton_enrolment_0123456789abcdefABCDEF-_0123456789abcdefABC was used',
    'BATON_ENROLMENT_TOKEN=baton_enrolment_[secret] was used',
  ],
  ['baton_submitter_0123456789abcdefABCDEF-_0123456789abcdefABC', 'baton_submitter_[secret]'],
  ['baton_viewer_0123456789abcdefABCDEF-_0123456789abcdefABC', 'baton_viewer_[secret]'],
])('%s', (text, clean) => {
  expect(redact(text)).toBe(clean)
})

test('what is no secret stays as it is', () => {
  const text = '{"tokenId":"7","tokens":3,"step":5,"url":"http://api/v1/folds?after=3&limit=10","at":"12:30@noon"}'
  expect(redact(text)).toBe(text)
})

test('JSON stays valid and loses secrets at any depth', () => {
  const line = JSON.stringify({ a: { enrolmentToken: 'x"y\\z', headers: { authorization: 'Bearer abcdefgh1234' } } })
  expect(JSON.parse(redact(line))).toEqual({
    a: { enrolmentToken: '[secret]', headers: { authorization: '[secret]' } },
  })
})
