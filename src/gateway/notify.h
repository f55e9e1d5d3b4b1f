/* Telling systemd how we are (Type=notify). */
#ifndef GATEHOUSE_GATEWAY_NOTIFY_H
#define GATEHOUSE_GATEWAY_NOTIFY_H

/* Send one state line ("READY=1") to $NOTIFY_SOCKET; does nothing when there is none.
 *   Runs on    any thread
 *   Source     sd_notify(3) */
void notify_systemd(const char *state);

#endif
