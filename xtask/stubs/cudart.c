/* Stands in for libcudart in the CPU bundle: libtorch_cpu is linked with these functions
   for its profiler of GPUs. Each says that there is no device, as the real library does
   on a machine without one. */
#define NO_DEVICE 100

int cudaDeviceSynchronize(void) { return NO_DEVICE; }
int cudaGetDeviceProperties(void *properties, int device) { (void)properties; (void)device; return NO_DEVICE; }
int cudaGetDeviceCount(int *count) { *count = 0; return NO_DEVICE; }
int cudaDriverGetVersion(int *version) { *version = 0; return 0; }
int cudaRuntimeGetVersion(int *version) { *version = 0; return NO_DEVICE; }
const char *cudaGetErrorString(int error) { (void)error; return "this bundle is for CPUs"; }
