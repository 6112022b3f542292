// Package channel has whole messages between guest and host, on two lanes each way: messages and
// results.
package channel

import (
	"time"

	"wasmsandbox/guest"
	"wasmsandbox/guest/internal/sys"
)

// Lane is one of the two lanes, which do not hold each other up.
type Lane int32

const (
	// Messages are requests, notifications, and anything else.
	Messages Lane = 0
	// Results are answers.
	Results Lane = 1
)

// Channel is the guest's end of a channel.
type Channel struct {
	handle int32
}

// Open opens a channel that the host granted under that name. Opened twice, it is the same end.
func Open(name string) (*Channel, error) {
	handle := sys.ChannelOpen(name)
	if handle < 0 {
		return nil, guest.HostError(int64(handle))
	}
	return &Channel{handle}, nil
}

// Send sends a message, and waits for room.
func (c *Channel) Send(message []byte, timeout time.Duration) error {
	return c.SendOn(Messages, message, timeout)
}

// Receive receives the oldest message.
func (c *Channel) Receive(timeout time.Duration) ([]byte, error) {
	return c.ReceiveOn(Messages, nil, timeout)
}

// SendResult sends on the lane of results.
func (c *Channel) SendResult(result []byte, timeout time.Duration) error {
	return c.SendOn(Results, result, timeout)
}

// ReceiveResult receives on the lane of results.
func (c *Channel) ReceiveResult(timeout time.Duration) ([]byte, error) {
	return c.ReceiveOn(Results, nil, timeout)
}

// SendOn sends on either lane.
func (c *Channel) SendOn(lane Lane, message []byte, timeout time.Duration) error {
	return guest.HostError(int64(sys.ChannelSend(c.handle, int32(lane), message, nanoseconds(timeout))))
}

// ReceiveOn receives on either lane, into the memory of buffer where that is large enough. On
// failure it gives buffer back, empty.
func (c *Channel) ReceiveOn(lane Lane, buffer []byte, timeout time.Duration) ([]byte, error) {
	message, failed := sys.Fill(buffer, func(out []byte) int64 {
		return sys.ChannelReceive(c.handle, int32(lane), out, nanoseconds(timeout))
	})
	return message, guest.HostError(failed)
}

// Close closes the handle.
func (c *Channel) Close() error {
	return guest.HostError(int64(sys.ChannelClose(c.handle)))
}

// nanoseconds gives a timeout as the host takes it.
func nanoseconds(timeout time.Duration) int64 { return max(int64(timeout), int64(guest.Forever)) }

// Events are what can be waited for, and what happened. Each also happens when the channel is
// closed.
type Events uint32

const (
	CanReceive       Events = 1
	CanSend          Events = 2
	CanReceiveResult Events = 4
	CanSendResult    Events = 8
)

// Wait is a channel and what it is waited for.
type Wait struct {
	Channel *Channel
	Events  Events
	Ready   Events // those that happened
}

// The most that WaitAny takes.
const maxWaits = 64

// WaitAny waits until something happens on one of up to 64 channels. It gives how many are ready;
// which, each says in Ready.
func WaitAny(waits []Wait, timeout time.Duration) (int, error) {
	if len(waits) == 0 || len(waits) > maxWaits {
		return 0, guest.ErrInvalid
	}
	entries := make([]sys.Entry, len(waits))
	for i, wait := range waits {
		entries[i] = sys.Entry{Handle: wait.Channel.handle, Events: uint32(wait.Events)}
	}
	ready := sys.ChannelWait(entries, nanoseconds(timeout))
	for i := range waits {
		waits[i].Ready = 0
		if ready > 0 {
			waits[i].Ready = Events(entries[i].Ready)
		}
	}
	return int(max(ready, 0)), guest.HostError(int64(ready))
}

// WaitReceive waits until there is something to receive on either lane.
func (c *Channel) WaitReceive(timeout time.Duration) error {
	_, err := WaitAny([]Wait{{Channel: c, Events: CanReceive | CanReceiveResult}}, timeout)
	return err
}
