/* The example of a stranger's type. */
#include "audited_channel.h"
#include "conformance.h"

static wsb_status create(const wsb_channel_options *options, wsb_channel **out_end,
                         wsb_channel **out_other)
{
    return wsb_channel_create(&audited_channel, options, NULL, out_end, out_other, NULL);
}

int main(void)
{
    static const channel_kind audited = {.name = "audited", .create = create};
    return channel_conformance(&audited);
}
