// What the medium suite cannot know of tcp: strangers can dial it.
import type { ComplianceParts } from 'peal/compliance';

const parts: ComplianceParts<'medium'> = () => ({ tcpPort: true });
export default parts;
