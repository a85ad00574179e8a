#include "engine/plan.h"

#include <stdlib.h>

void ms_plan_clear(struct ms_plan *plan) {
    free(plan->id);
    free(plan->ns);
    free(plan->header);
    *plan = (struct ms_plan){0};
}

void ms_plans_clear(struct ms_plans *plans) {
    for (size_t i = 0; i < plans->count; i++)
        ms_plan_clear(&plans->items[i]);
    free(plans->items);
    *plans = (struct ms_plans){0};
}

static void clear_item(struct ms_plan_item *item) {
    free(item->key);
    free(item->verdict);
    free(item->reason);
    free(item->rule);
    free(item->text);
    free(item->outcome);
    free(item->outcome_text);
}

void ms_plan_items_clear(struct ms_plan_items *items) {
    for (size_t i = 0; i < items->count; i++)
        clear_item(&items->items[i]);
    free(items->items);
    *items = (struct ms_plan_items){0};
}
