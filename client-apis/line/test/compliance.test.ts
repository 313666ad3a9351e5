// The text port against the suite of its kind.
import { describe, expect, test } from '@jest/globals';
import { pluginCompliance } from 'peal/compliance';
import line from '../index.js';
import parts from './compliance.setup.js';

pluginCompliance({ describe, test, expect }, line, { parts });
