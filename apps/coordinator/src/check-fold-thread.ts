import { checkFold } from '@baton/evaluation'
import { answerFromThread } from './in-thread.ts'

answerFromThread(checkFold)
