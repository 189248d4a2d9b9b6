/* Stands in for libcupti, NVIDIA's profiler, in the CPU bundle. Every call fails with
   "not initialized", upon which libtorch's profiler leaves GPUs alone. */
#include <stdint.h>

#define NOT_INITIALIZED 15
#define REFUSE(name) int name(void) { return NOT_INITIALIZED; }

REFUSE(cuptiActivityDisable)
REFUSE(cuptiActivityEnable)
REFUSE(cuptiActivityEnableCudaEventDeviceTimestamps)
REFUSE(cuptiActivityEnableDriverApi)
REFUSE(cuptiActivityEnableRuntimeApi)
REFUSE(cuptiActivityFlushAll)
REFUSE(cuptiActivityGetNextRecord)
REFUSE(cuptiActivityGetNumDroppedRecords)
REFUSE(cuptiActivityPopExternalCorrelationId)
REFUSE(cuptiActivityPushExternalCorrelationId)
REFUSE(cuptiActivityRegisterCallbacks)
REFUSE(cuptiActivityRegisterTimestampCallback)
REFUSE(cuptiActivitySetAttribute)
REFUSE(cuptiEnableCallback)
REFUSE(cuptiEnableDomain)
REFUSE(cuptiFinalize)
REFUSE(cuptiSubscribe)
REFUSE(cuptiUnsubscribe)

int cuptiGetVersion(uint32_t *version) { *version = 0; return NOT_INITIALIZED; }
int cuptiGetResultString(int result, const char **text) {
  (void)result;
  *text = "this bundle is for CPUs";
  return 0;
}
