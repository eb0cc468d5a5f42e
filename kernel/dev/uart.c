#include "kernel/dev/uart.h"

#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/dev/ioapic.h"
#include "kernel/dev/stream_driver.h"
#include "kernel/spinlock.h"

/* National Semiconductor PC16550D data sheet, 8.0. */
enum {
    PORT = 0x3f8,
    ISA_IRQ = 4,
    DATA = PORT + 0, /* and the divisor's low byte, while LINE_DIVISOR is set */
    INTERRUPT_ENABLE = PORT + 1,
    ENABLE_RECEIVE = 1 << 0,
    ENABLE_TRANSMIT = 1 << 1,
    INTERRUPT_ID = PORT + 2, /* read */
    NOTHING_PENDING = 1 << 0,
    FIFO_CONTROL = PORT + 2, /* written */
    FIFO_ENABLE_AND_CLEAR = 7,
    LINE_CONTROL = PORT + 3,
    LINE_8_BITS = 3,
    LINE_DIVISOR = 1 << 7,
    MODEM_CONTROL = PORT + 4,
    MODEM_READY = 3,          /* DTR and RTS */
    MODEM_INTERRUPT = 1 << 3, /* OUT2: lets the interrupt out on a PC */
    LINE_STATUS = PORT + 5,
    STATUS_DATA = 1 << 0,
    STATUS_FIFO_EMPTY = 1 << 5,
    STATUS_ALL_SENT = 1 << 6,
    MODEM_STATUS = PORT + 6,
    SCRATCH = PORT + 7,
    FIFO_BYTES = 16,
};

#define RING_BYTES 4096u
#define RING_FOR_STREAMS (RING_BYTES * 3 / 4) /* the rest is kept for the log */
#define INTERRUPT_TRIES 256u                  /* causes that one interrupt may find */
#define PANIC_TRIES 1000000u /* a UART that hangs does not keep a panic from ending */

static struct uart {
    /* constant after uart_init */
    bool is_present;
    struct stream *input, *output, *error; /* NULL: not ours */
    atomic_bool is_polled;
    /* by lock */
    struct spinlock lock;
    uint8_t enabled;     /* what INTERRUPT_ENABLE holds */
    uint32_t head, tail; /* counters of the ring that run freely: taken out, put in */
    uint8_t ring[RING_BYTES];
} uart = {.lock = SPINLOCK_INIT};

static bool uart_probe(void) {
    static const uint8_t patterns[] = {0x5a, 0xa5};
    for (size_t i = 0; i < sizeof patterns; i++) {
        io_write8(SCRATCH, patterns[i]);
        if (io_read8(SCRATCH) != patterns[i]) {
            return false;
        }
    }
    return true;
}

static void enable_interrupts(uint8_t enabled) {
    if (uart.is_present && uart.enabled != enabled) {
        uart.enabled = enabled;
        io_write8(INTERRUPT_ENABLE, enabled);
    }
}

static void ring_put(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        uart.ring[uart.tail++ % RING_BYTES] = bytes[i];
    }
}

/* Fills the hardware's FIFO, if it is empty. */
static void fill_fifo(void) {
    if (!uart.is_present || (io_read8(LINE_STATUS) & STATUS_FIFO_EMPTY) == 0) {
        return;
    }
    for (uint32_t i = 0; i < FIFO_BYTES && uart.head != uart.tail; i++) {
        io_write8(DATA, uart.ring[uart.head++ % RING_BYTES]);
    }
}

/* Only the interrupt handler stops asking for the interrupt: a stream that found the ring full is
 * looked at there. */
static void start_sending(void) {
    fill_fifo();
    enable_interrupts(uart.enabled | ENABLE_TRANSMIT);
}

static void uart_transmit(struct stream *stream) {
    uint8_t *span;
    uint32_t size;
    spinlock_lock(&uart.lock);
    while ((size = output_buffer_pending(&stream->output, &span)) > 0) {
        uint32_t filled = uart.tail - uart.head;
        uint32_t room = filled < RING_FOR_STREAMS ? RING_FOR_STREAMS - filled : 0;
        if (room == 0) {
            break;
        }
        size = size < room ? size : room;
        ring_put(span, size);
        output_buffer_give(&stream->output, size);
        output_buffer_release(&stream->output, size);
    }
    if (uart.head != uart.tail) {
        start_sending();
    }
    spinlock_unlock(&uart.lock);
}

static void uart_refill(struct stream *stream) {
    spinlock_lock(&uart.lock);
    enable_interrupts(uart.enabled | ENABLE_RECEIVE);
    spinlock_unlock(&uart.lock);
}

static bool uart_is_idle(struct stream *stream) {
    spinlock_lock(&uart.lock);
    bool idle = uart.head == uart.tail && (io_read8(LINE_STATUS) & STATUS_ALL_SENT) != 0;
    spinlock_unlock(&uart.lock);
    return idle;
}

/* What has arrived goes to the input stream. When that is full the bytes stay where they are, and
 * the interrupt is off until there is space again. */
static void service_input(struct stream *stream) {
    bool received = false;
    spinlock_lock(&stream->lock);
    spinlock_lock(&uart.lock);
    while ((io_read8(LINE_STATUS) & STATUS_DATA) != 0) {
        if (!input_buffer_has_room(&stream->input)) {
            enable_interrupts(uart.enabled & (uint8_t)~ENABLE_RECEIVE);
            break;
        }
        uint8_t byte = io_read8(DATA);
        (void)input_buffer_append(&stream->input, &byte, 1);
        received = true;
    }
    spinlock_unlock(&uart.lock);
    spinlock_unlock(&stream->lock);
    if (received) {
        stream_call_ready(stream);
    }
}

static void service_output(struct stream *stream) {
    uint8_t *span;
    spinlock_lock(&stream->lock);
    uart_transmit(stream);
    bool ready = stream->is_waiting && output_buffer_reserve(&stream->output, &span) > 0;
    stream->is_waiting = stream->is_waiting && !ready;
    spinlock_unlock(&stream->lock);
    if (ready) {
        stream_call_ready(stream);
    }
}

static void uart_poll(void) {
    spinlock_lock(&uart.lock);
    fill_fifo();
    spinlock_unlock(&uart.lock);
    if (uart.output != NULL) {
        service_input(uart.input);
        service_output(uart.output);
        service_output(uart.error);
    }
    spinlock_lock(&uart.lock);
    if (uart.head == uart.tail) {
        enable_interrupts(uart.enabled & (uint8_t)~ENABLE_TRANSMIT);
    }
    spinlock_unlock(&uart.lock);
}

/* The wire is edge-triggered: it must be left low, with no cause pending. */
static void uart_interrupt(void *argument) {
    for (uint32_t i = 0; i < INTERRUPT_TRIES; i++) {
        if ((io_read8(INTERRUPT_ID) & NOTHING_PENDING) != 0) {
            return;
        }
        uart_poll();
        (void)io_read8(MODEM_STATUS);
    }
}

void uart_init(void) {
    if (!uart_probe()) {
        return;
    }
    io_write8(INTERRUPT_ENABLE, 0);
    io_write8(LINE_CONTROL, LINE_DIVISOR);
    io_write8(DATA, 1); /* 115200 baud */
    io_write8(INTERRUPT_ENABLE, 0);
    io_write8(LINE_CONTROL, LINE_8_BITS);
    io_write8(FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR);
    io_write8(MODEM_CONTROL, MODEM_READY | MODEM_INTERRUPT);
    bool is_connected = ioapic_connect_isa(ISA_IRQ, interrupt_register(uart_interrupt, NULL));
    spinlock_lock(&uart.lock);
    uart.is_present = is_connected;
    if (is_connected && uart.head != uart.tail) {
        start_sending();
    }
    spinlock_unlock(&uart.lock);
}

bool uart_connect_streams(void) {
    static const struct stream_driver driver = {
        .transmit = uart_transmit,
        .refill = uart_refill,
        .is_idle = uart_is_idle,
        .poll = uart_poll,
    };
    if (!uart.is_present) {
        return false;
    }
    struct stream *input = stream_connect(STREAM_INPUT, &driver, NULL);
    struct stream *output = stream_connect(STREAM_OUTPUT, &driver, NULL);
    struct stream *error = stream_connect(STREAM_ERROR, &driver, NULL);
    if (input == NULL || output == NULL || error == NULL) {
        return false;
    }
    uart.input = input;
    uart.output = output;
    uart.error = error;
    uart_refill(input);
    return true;
}

/* Neither lock nor interrupt: whoever held the lock may never give it back. */
static void send_polling(uint8_t byte) {
    for (uint32_t i = 0; i < PANIC_TRIES; i++) {
        if ((io_read8(LINE_STATUS) & STATUS_FIFO_EMPTY) != 0) {
            break;
        }
    }
    io_write8(DATA, byte);
}

void uart_write_log(const char *text, size_t length) {
    if (atomic_load_explicit(&uart.is_polled, memory_order_relaxed)) {
        for (size_t i = 0; i < length; i++) {
            send_polling((uint8_t)text[i]);
        }
        return;
    }
    spinlock_lock(&uart.lock);
    if (length <= RING_BYTES - (uart.tail - uart.head)) {
        ring_put((const uint8_t *)text, (uint32_t)length);
        if (uart.is_present) {
            start_sending();
        }
    }
    spinlock_unlock(&uart.lock);
}

void uart_begin_polling(void) {
    if (atomic_exchange_explicit(&uart.is_polled, true, memory_order_relaxed)) {
        return;
    }
    if (!uart.is_present) { /* the panic came before uart_init */
        uart.is_present = uart_probe();
    }
    for (uint32_t i = 0; i < RING_BYTES && uart.head != uart.tail; i++) {
        send_polling(uart.ring[uart.head++ % RING_BYTES]);
    }
}
