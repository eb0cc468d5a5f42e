#include "core/virtio_parameter.h"

#include "tests/host/test.h"

static uint32_t malformed;

static bool read_one(const char *line, struct virtio_parameter *parameter) {
    malformed = 0;
    return virtio_parameter_next(&line, parameter, &malformed);
}

TEST(words_of_linux_and_firecracker_are_read) {
    struct virtio_parameter parameter;
    CHECK(read_one("virtio_mmio.device=512@0xfeb00000:24", &parameter));
    CHECK_EQUAL(parameter.size, 512);
    CHECK_EQUAL(parameter.address, 0xfeb00000);
    CHECK_EQUAL(parameter.gsi, 24);
    CHECK(read_one("quiet virtio_mmio.device=4K@0xd0000000:5 x", &parameter));
    CHECK_EQUAL(parameter.size, 4096);
    CHECK_EQUAL(parameter.gsi, 5);
    CHECK(read_one("\tvirtio_mmio.device=0x1M@3489660928:0x10:7\n", &parameter));
    CHECK_EQUAL(parameter.size, 1 << 20);
    CHECK_EQUAL(parameter.address, 0xd0000000);
    CHECK_EQUAL(parameter.gsi, 16);
    CHECK_EQUAL(malformed, 0);
}

TEST(several_words_come_in_turn) {
    const char *cursor = "a virtio_mmio.device=512@1:2 virtio_mmio.device=4k@3:4  b=c ";
    struct virtio_parameter parameter;
    malformed = 0;
    CHECK(virtio_parameter_next(&cursor, &parameter, &malformed));
    CHECK_EQUAL(parameter.address, 1);
    CHECK(virtio_parameter_next(&cursor, &parameter, &malformed));
    CHECK_EQUAL(parameter.address, 3);
    CHECK(!virtio_parameter_next(&cursor, &parameter, &malformed));
    CHECK(!virtio_parameter_next(&cursor, &parameter, &malformed));
    CHECK_EQUAL(malformed, 0);
}

TEST(malformed_words_are_counted_and_passed_over) {
    static const char *const words[] = {
        "virtio_mmio.device=",
        "virtio_mmio.device=512",
        "virtio_mmio.device=512@",
        "virtio_mmio.device=512@0x:5",
        "virtio_mmio.device=512@0xfeb00000",
        "virtio_mmio.device=512@0xfeb00000:",
        "virtio_mmio.device=512@0xfeb00000:24:",
        "virtio_mmio.device=512@0xfeb00000:24x",
        "virtio_mmio.device=512G@0xfeb00000:24",
        "virtio_mmio.device=512@0x10000000000000000:24",
        "virtio_mmio.device=512@18446744073709551616:24",
        "virtio_mmio.device=4294967296@0:24",
        "virtio_mmio.device=512@0:4294967296",
        "virtio_mmio.device=-1@0:1",
    };
    struct virtio_parameter parameter;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CHECK(!read_one(words[i], &parameter));
        CHECK_EQUAL(malformed, 1);
    }
    CHECK(!read_one("xvirtio_mmio.device=512@1:2 virtio_mmio.device", &parameter));
    CHECK_EQUAL(malformed, 0);
    CHECK(read_one("virtio_mmio.device=x virtio_mmio.device=512@1:2", &parameter));
    CHECK_EQUAL(malformed, 1);
}
