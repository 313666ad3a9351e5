// What the udp medium can refuse to the operator.
import { errorTable } from 'peal/plugin';

export const UDP_ERRORS = errorTable('LINK_UDP', {
  LISTEN: [
    'cannot listen on {address}: {detail}',
    'give this daemon a free link_port and an address of this machine in its peer section',
  ],
  DATAGRAM: [
    'datagrams of {bytes} bytes are too small for a pack with its headers',
    'set datagram_bytes to at least {least}, or to 0 to have it found out',
  ],
  GROUP: [
    "'{group}' is no group to send to: {detail}",
    'set multicast to an IPv4 address from 239.0.0.0 to 239.255.255.255, with :PORT if wanted, or leave it out',
  ],
  JOIN: [
    'cannot join {group} on interface {interface}: {detail}',
    'set multicast_interface to an address of this machine whose network carries multicast, or leave multicast out',
  ],
});
