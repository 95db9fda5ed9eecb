// Gorilla's websocket as the client of an echo server.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

func noise(length int) []byte {
	state, out := uint32(7), make([]byte, length)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = byte(state >> 24)
	}
	return out
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(good bool, what string, values ...interface{}) {
	if !good {
		must(fmt.Errorf(what, values...))
	}
}

func dial(deflate bool) (*websocket.Conn, string) {
	dialer := websocket.Dialer{
		Subprotocols:      []string{"other", "chat"},
		EnableCompression: deflate,
		// Longer messages go in fragments.
		WriteBufferSize: 50000,
	}
	conn, response, err := dialer.Dial(os.Args[1], nil)
	must(err)
	check(conn.Subprotocol() == "chat", "the protocol is %q", conn.Subprotocol())
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	return conn, response.Header.Get("Sec-WebSocket-Extensions")
}

func closed(conn *websocket.Conn, code int, reason string) {
	_, _, err := conn.ReadMessage()
	end, ok := err.(*websocket.CloseError)
	check(ok && end.Code == code && end.Text == reason, "it ended with %v", err)
}

func main() {
	deflate := len(os.Args) < 3 || os.Args[2] != "null"
	conn, extensions := dial(deflate)
	long := strings.Repeat("größer – 世界 👍 and the same again\n", 22000)
	messages := []struct {
		kind int
		data []byte
	}{
		{websocket.TextMessage, []byte("größer – 世界 👍")},
		{websocket.TextMessage, nil},
		{websocket.BinaryMessage, nil},
		{websocket.BinaryMessage, noise(126)},
		{websocket.TextMessage, []byte(long)},
		{websocket.BinaryMessage, noise(1 << 20)},
	}
	pongs := 0
	conn.SetPongHandler(func(data string) error {
		if data == "here?" {
			pongs++
		}
		return nil
	})
	must(conn.WriteControl(websocket.PingMessage, []byte("here?"), time.Now().Add(time.Second)))
	for i, message := range messages {
		if len(message.data) > 1000 {
			// Through a writer, in as many frames as its buffer makes of it.
			writer, err := conn.NextWriter(message.kind)
			must(err)
			for at := 0; at < len(message.data); at += 30001 {
				end := at + 30001
				if end > len(message.data) {
					end = len(message.data)
				}
				_, err = writer.Write(message.data[at:end])
				must(err)
			}
			must(writer.Close())
		} else {
			must(conn.WriteMessage(message.kind, message.data))
		}
		kind, data, err := conn.ReadMessage()
		must(err)
		check(kind == message.kind && bytes.Equal(data, message.data), "message %d came as another", i)
	}
	check(pongs == 1, "%d pongs", pongs)
	must(conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "tschüß 👋")))
	closed(conn, 4000, "tschüß 👋")
	fmt.Printf("talked {\"extensions\": %q, \"did\": [\"fragments\", \"ping\"]}\n", extensions)
	conn, _ = dial(deflate)
	fmt.Println("ready")
	closed(conn, 1001, "the server stops")
}
