import { assemble } from '@baton/evaluation'
import { answerFromThread } from './in-thread.ts'

answerFromThread(assemble)
