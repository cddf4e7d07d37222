import { renderSubmission } from '@baton/core'
import { answerFromThread } from './in-thread.ts'

answerFromThread(renderSubmission)
